using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>Reads field lines: the one place where names, values and line ends of heads and trailers are judged (RFC 9112 section 5).</summary>
internal static class FieldParser
{
    /// <summary>Connection options that one message may carry; more is an attack on the removal loop.</summary>
    private const int ConnectionOptionsMax = 16;

    /// <summary>
    /// Reads from <paramref name="position"/> through the empty line. On completion <paramref name="position"/> is behind it; on refusal
    /// <see cref="MessageHead.Refusal"/> says why.
    /// </summary>
    public static ParseStatus ReadFields(MessageHead head, int end, HeadLimits limits, ref int position)
    {
        var bytes = head.Buffer.AsSpan(0, end);
        var at = position;
        var fieldCountMax = Math.Min(Math.Min(limits.FieldCountMax, head.Fields.Length), 254);
        while (true)
        {
            if (at >= end) return ParseStatus.Incomplete;
            var first = bytes[at];
            if (first == '\r')
            {
                if (at + 1 >= end) return ParseStatus.Incomplete;
                if (bytes[at + 1] != '\n') return Refuse(head, Refusal.BareCarriageReturn);
                position = at + 2;
                return ParseStatus.Complete;
            }
            if (HttpBytes.IsBlank(first)) return Refuse(head, Refusal.ObsoleteFold);

            var rest = bytes[at..];
            var nameLength = rest.IndexOfAnyExcept(HttpBytes.Token);
            if (nameLength < 0) return ParseStatus.Incomplete;
            if (rest[nameLength] != ':') return Refuse(head, WhyNoColon(rest[nameLength], nameLength));
            if (nameLength == 0) return Refuse(head, Refusal.FieldNameEmpty);
            if (nameLength > 256) return Refuse(head, Refusal.HeadTooLarge);

            var valueStart = nameLength + 1;
            while (valueStart < rest.Length && HttpBytes.IsBlank(rest[valueStart])) valueStart++;
            var valueLength = rest[valueStart..].IndexOfAny(HttpBytes.Control);
            if (valueLength < 0) return ParseStatus.Incomplete;
            var lineEnd = valueStart + valueLength;
            if (rest[lineEnd] != '\r')
                return Refuse(head, rest[lineEnd] == '\n' ? Refusal.BareLineFeed : Refusal.ControlCharacter);
            if (lineEnd + 1 >= rest.Length) return ParseStatus.Incomplete;
            if (rest[lineEnd + 1] != '\n') return Refuse(head, Refusal.BareCarriageReturn);

            while (valueLength > 0 && HttpBytes.IsBlank(rest[valueStart + valueLength - 1])) valueLength--;
            if (head.FieldCount >= fieldCountMax) return Refuse(head, Refusal.TooManyFields);
            if (valueLength > ushort.MaxValue) return Refuse(head, Refusal.HeadTooLarge);

            var name = rest[..nameLength];
            var known = KnownFields.Find(name);
            if (known == KnownField.None && name.Contains((byte)'_') && IsAlias(name)) return Refuse(head, Refusal.UnderscoreAlias);
            head.Add(new Field
            {
                NameStart = at,
                NameLength = (ushort)nameLength,
                ValueStart = at + valueStart,
                ValueLength = (ushort)valueLength,
                Known = known,
                Dropped = KnownFields.IsHopByHop(known),
            });
            at += lineEnd + 2;
        }
    }

    /// <summary>Reads <c>Content-Length</c> and <c>Transfer-Encoding</c> (RFC 9112 section 6); both, or either twice, is refused.</summary>
    public static Refusal ReadFraming(MessageHead head)
    {
        var hasLength = head.Has(KnownField.ContentLength);
        var hasEncoding = head.Has(KnownField.TransferEncoding);
        if (!hasLength && !hasEncoding) return Refusal.None;
        if (hasLength)
        {
            if (CountOf(head, KnownField.ContentLength) > 1) return Refusal.ContentLengthDuplicate;
            if (!HttpBytes.TryParseDecimal(head.Value(KnownField.ContentLength), out var length)) return Refusal.ContentLengthInvalid;
            if (hasEncoding) return Refusal.ContentLengthWithTransferEncoding;
            head.Body = BodyKind.Length;
            head.ContentLength = length;
            return Refusal.None;
        }
        if (CountOf(head, KnownField.TransferEncoding) > 1) return Refusal.TransferEncodingDuplicate;
        if (head.VersionMinor == 0) return Refusal.TransferEncodingInHttp10;
        var value = head.Value(KnownField.TransferEncoding);
        if (!Ascii.EqualsIgnoreCase(value, "chunked"u8))
        {
            // A list that ends in chunked is legal but nothing we forward for; anything else has no meaning two readers must share.
            return HttpBytes.IsToken(value) || IsListEndingInChunked(value) ? Refusal.TransferEncodingNotSupported : Refusal.TransferEncodingInvalid;
        }
        head.Body = BodyKind.Chunked;
        return Refusal.None;
    }

    /// <summary>Reads every <c>Connection</c> field: sets <see cref="MessageHead.KeepAlive"/>, drops what it nominates.</summary>
    public static Refusal ReadConnection(MessageHead head, out bool upgrade)
    {
        upgrade = false;
        head.KeepAlive = head.VersionMinor >= 1;
        var at = head.IndexOf(KnownField.Connection);
        if (at < 0) return Refusal.None;
        var options = 0;
        var close = false;
        for (; at < head.FieldCount; at++)
        {
            if (head.Fields[at].Known != KnownField.Connection) continue;
            var rest = head.ValueAt(at);
            while (true)
            {
                var comma = rest.IndexOf((byte)',');
                var option = HttpBytes.Trim(comma < 0 ? rest : rest[..comma]);
                if (option.Length > 0)
                {
                    if (++options > ConnectionOptionsMax || !HttpBytes.IsToken(option)) return Refusal.ConnectionInvalid;
                    if (Ascii.EqualsIgnoreCase(option, "close"u8)) close = true;
                    else if (Ascii.EqualsIgnoreCase(option, "keep-alive"u8)) head.KeepAlive = true;
                    else if (Ascii.EqualsIgnoreCase(option, "upgrade"u8)) upgrade = true;
                    else if (!Nominate(head, option)) return Refusal.ConnectionNominatesEndToEnd;
                }
                if (comma < 0) break;
                rest = rest[(comma + 1)..];
            }
        }
        if (close) head.KeepAlive = false;
        return Refusal.None;
    }

    public static int CountOf(MessageHead head, KnownField known)
    {
        var count = 0;
        for (var i = 0; i < head.FieldCount; i++)
        {
            if (head.Fields[i].Known == known) count++;
        }
        return count;
    }

    public static ParseStatus Refuse(MessageHead head, Refusal refusal)
    {
        head.Refusal = refusal;
        return ParseStatus.Refused;
    }

    private static bool Nominate(MessageHead head, ReadOnlySpan<byte> option)
    {
        if (KnownFields.IsEndToEnd(KnownFields.Find(option))) return false;
        for (var i = 0; i < head.FieldCount; i++)
        {
            if (Ascii.EqualsIgnoreCase(head.NameAt(i), option)) head.Fields[i].Dropped = true;
        }
        return true;
    }

    private static Refusal WhyNoColon(byte found, int nameLength) => found switch
    {
        (byte)'\r' => Refusal.FieldWithoutColon,
        (byte)'\n' => Refusal.BareLineFeed,
        (byte)' ' or (byte)'\t' when nameLength > 0 => Refusal.SpaceBeforeColon,
        < 32 or 127 => Refusal.ControlCharacter,
        _ => Refusal.FieldNameInvalid,
    };

    /// <summary>CGI-like servers read <c>Content_Length</c> as <c>Content-Length</c>: such a name is two fields to two readers.</summary>
    private static bool IsAlias(ReadOnlySpan<byte> name)
    {
        Span<byte> dashed = stackalloc byte[32];
        if (name.Length > dashed.Length) return false;
        name.Replace(dashed, (byte)'_', (byte)'-');
        return KnownFields.Find(dashed[..name.Length]) != KnownField.None;
    }

    private static bool IsListEndingInChunked(ReadOnlySpan<byte> value)
    {
        var comma = value.LastIndexOf((byte)',');
        if (comma < 0 || !Ascii.EqualsIgnoreCase(HttpBytes.Trim(value[(comma + 1)..]), "chunked"u8)) return false;
        foreach (var range in value[..comma].Split((byte)','))
        {
            if (!HttpBytes.IsToken(HttpBytes.Trim(value[..comma][range]))) return false;
        }
        return true;
    }
}
