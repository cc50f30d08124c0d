using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>
/// Reads a request head (RFC 9112 section 3 to 6). Pure: bytes in, verdict out, nothing allocated. Reading a prefix says
/// <see cref="ParseStatus.Incomplete"/> or, as soon as it is certain, why the request is refused.
/// </summary>
internal static class RequestParser
{
    private const int MethodBytesMax = 32;

    /// <summary>Reads from <paramref name="start"/>; <paramref name="end"/> is behind the last byte received.</summary>
    public static ParseStatus Parse(byte[] buffer, int start, int end, HeadLimits limits, RequestHead head)
    {
        head.Begin(buffer);
        head.HasQuery = head.ExpectContinue = head.Upgrade = false;
        head.QueryLength = head.QueryStart = head.HostLength = head.HostNameLength = head.HostStart = 0;
        var limitedEnd = Math.Min(end, start + Math.Min(limits.HeadBytesMax, ushort.MaxValue));
        var position = start;

        // RFC 9112 section 2.2: one empty line before the request line is tolerated, for clients that end a body with one.
        if (position < limitedEnd && buffer[position] == '\r')
        {
            if (position + 1 >= limitedEnd) return ParseStatus.Incomplete;
            if (buffer[position + 1] != '\n') return FieldParser.Refuse(head, Refusal.BareCarriageReturn);
            position += 2;
        }
        var status = ReadRequestLine(head, limitedEnd, limits, ref position);
        if (status == ParseStatus.Complete) status = FieldParser.ReadFields(head, limitedEnd, limits, ref position);
        if (status == ParseStatus.Incomplete && limitedEnd < end) return FieldParser.Refuse(head, Refusal.HeadTooLarge);
        if (status != ParseStatus.Complete) return status;

        head.Length = position - start;
        var refusal = Interpret(head);
        return refusal == Refusal.None ? ParseStatus.Complete : FieldParser.Refuse(head, refusal);
    }

    private static ParseStatus ReadRequestLine(RequestHead head, int end, HeadLimits limits, ref int position)
    {
        var line = head.Buffer.AsSpan(position, end - position);
        var methodLength = line.IndexOfAnyExcept(HttpBytes.Token);
        if (methodLength < 0) return line.Length > MethodBytesMax ? FieldParser.Refuse(head, Refusal.MethodInvalid) : ParseStatus.Incomplete;
        if (methodLength > MethodBytesMax) return FieldParser.Refuse(head, Refusal.MethodInvalid);
        if (line[methodLength] != ' ' || methodLength == 0)
            return FieldParser.Refuse(head, WhyBroken(line[methodLength], Refusal.MethodInvalid));
        head.MethodStart = position;
        head.MethodLength = methodLength;
        var refusal = ReadMethod(head, line[..methodLength]);
        if (refusal != Refusal.None) return FieldParser.Refuse(head, refusal);

        var target = line[(methodLength + 1)..];
        var targetLength = target.IndexOfAnyInRange((byte)0, (byte)' ');
        if (targetLength < 0)
            return target.Length > limits.TargetBytesMax ? FieldParser.Refuse(head, Refusal.TargetTooLong) : ParseStatus.Incomplete;
        if (targetLength > limits.TargetBytesMax) return FieldParser.Refuse(head, Refusal.TargetTooLong);
        if (target[targetLength] != ' ' || targetLength == 0)
            return FieldParser.Refuse(head, WhyBroken(target[targetLength], Refusal.RequestLineMalformed));
        refusal = RequestTarget.Read(head, position + methodLength + 1, targetLength, limits);
        if (refusal != Refusal.None) return FieldParser.Refuse(head, refusal);

        // "HTTP/1.1" CRLF
        var version = target[(targetLength + 1)..];
        var expected = "HTTP/1."u8;
        var common = version.CommonPrefixLength(expected);
        if (common < expected.Length)
        {
            if (common == version.Length) return ParseStatus.Incomplete;
            return FieldParser.Refuse(head, WhyNotVersion1(version, common));
        }
        if (version.Length < 8) return ParseStatus.Incomplete;
        if (!HttpBytes.IsDigit(version[7])) return FieldParser.Refuse(head, Refusal.VersionMalformed);
        if (version[7] is not ((byte)'0' or (byte)'1')) return FieldParser.Refuse(head, Refusal.VersionNotSupported);
        head.VersionMinor = (byte)(version[7] - '0');
        if (version.Length < 9) return ParseStatus.Incomplete;
        if (version[8] != '\r') return FieldParser.Refuse(head, WhyBroken(version[8], Refusal.RequestLineMalformed));
        if (version.Length < 10) return ParseStatus.Incomplete;
        if (version[9] != '\n') return FieldParser.Refuse(head, Refusal.BareCarriageReturn);
        position += methodLength + 1 + targetLength + 1 + 10;
        return ParseStatus.Complete;
    }

    private static Refusal WhyNotVersion1(ReadOnlySpan<byte> version, int common)
    {
        if (common >= 5 && HttpBytes.IsDigit(version[5]) && version.Length > 6)
            return version[6] == '.' && version[5] != '1' ? Refusal.VersionNotSupported : Refusal.VersionMalformed;
        return WhyBroken(version[common], Refusal.VersionMalformed);
    }

    private static Refusal WhyBroken(byte found, Refusal otherwise) => found switch
    {
        (byte)'\n' => Refusal.BareLineFeed,
        (byte)'\r' or (byte)' ' or (byte)'\t' => Refusal.RequestLineMalformed,
        < 32 or 127 => Refusal.ControlCharacter,
        _ => otherwise,
    };

    /// <summary>Methods are case-sensitive: <c>get</c> is another method than <c>GET</c> to us, and perhaps not to the upstream, so only upper case passes.</summary>
    private static Refusal ReadMethod(RequestHead head, ReadOnlySpan<byte> name)
    {
        head.Method = name.Length switch
        {
            3 => name.SequenceEqual("GET"u8) ? MethodKind.Get : name.SequenceEqual("PUT"u8) ? MethodKind.Put : MethodKind.Other,
            4 => name.SequenceEqual("POST"u8) ? MethodKind.Post : name.SequenceEqual("HEAD"u8) ? MethodKind.Head : MethodKind.Other,
            5 => name.SequenceEqual("PATCH"u8) ? MethodKind.Patch : MethodKind.Other,
            6 => name.SequenceEqual("DELETE"u8) ? MethodKind.Delete : MethodKind.Other,
            7 => name.SequenceEqual("OPTIONS"u8) ? MethodKind.Options : MethodKind.Other,
            _ => MethodKind.Other,
        };
        if (head.Method != MethodKind.Other) return Refusal.None;
        foreach (var letter in name)
        {
            if (letter is not (>= (byte)'A' and <= (byte)'Z' or >= (byte)'0' and <= (byte)'9' or (byte)'-' or (byte)'_')) return Refusal.MethodInvalid;
        }
        // A tunnel to anywhere, and an echo of credentials; a reverse proxy has a use for neither.
        return name.SequenceEqual("CONNECT"u8) || name.SequenceEqual("TRACE"u8) ? Refusal.MethodNotSupported : Refusal.None;
    }

    private static Refusal Interpret(RequestHead head)
    {
        var refusal = RequestTarget.ReadHost(head);
        if (refusal == Refusal.None) refusal = FieldParser.ReadFraming(head);
        var upgrade = false;
        if (refusal == Refusal.None) refusal = FieldParser.ReadConnection(head, out upgrade);
        if (refusal == Refusal.None) refusal = ReadSingles(head);
        if (refusal == Refusal.None) refusal = ReadExpect(head);
        if (refusal == Refusal.None && upgrade && head.Has(KnownField.Upgrade)) refusal = ReadUpgrade(head);
        return refusal;
    }

    private static Refusal ReadSingles(RequestHead head)
    {
        if (head.Has(KnownField.Authorization) && FieldParser.CountOf(head, KnownField.Authorization) > 1) return Refusal.SingleFieldDuplicate;
        if (head.Has(KnownField.ContentType) && FieldParser.CountOf(head, KnownField.ContentType) > 1) return Refusal.SingleFieldDuplicate;
        if (head.Has(KnownField.XApiKey) && FieldParser.CountOf(head, KnownField.XApiKey) > 1) return Refusal.SingleFieldDuplicate;
        return head.Has(KnownField.Origin) && FieldParser.CountOf(head, KnownField.Origin) > 1 ? Refusal.SingleFieldDuplicate : Refusal.None;
    }

    private static Refusal ReadExpect(RequestHead head)
    {
        var index = head.IndexOf(KnownField.Expect);
        if (index < 0) return Refusal.None;
        if (FieldParser.CountOf(head, KnownField.Expect) > 1) return Refusal.SingleFieldDuplicate;
        head.Fields[index].Dropped = true;
        if (head.VersionMinor == 0) return Refusal.None; // RFC 9110 section 10.1.1: ignored from a 1.0 client
        if (!Ascii.EqualsIgnoreCase(head.Value(KnownField.Expect), "100-continue"u8)) return Refusal.ExpectationNotSupported;
        head.ExpectContinue = head.Body == BodyKind.Chunked || head.ContentLength > 0;
        return Refusal.None;
    }

    private static Refusal ReadUpgrade(RequestHead head)
    {
        if (FieldParser.CountOf(head, KnownField.Upgrade) > 1) return Refusal.UpgradeInvalid;
        if (head.VersionMinor == 0 || !Ascii.EqualsIgnoreCase(head.Value(KnownField.Upgrade), "websocket"u8)) return Refusal.None;
        // A body before the tunnel could be read as the tunnel's first bytes.
        if (head.Method != MethodKind.Get || head.Body != BodyKind.None) return Refusal.UpgradeInvalid;
        head.Upgrade = true;
        return Refusal.None;
    }
}
