using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>Reads a response head (RFC 9112 section 4 to 6) with the same strictness as a request: upstreams are attacked too.</summary>
internal static class ResponseParser
{
    private const int ReasonBytesMax = 256;

    /// <summary>
    /// Reads from <paramref name="start"/>. <paramref name="toHead"/>: the request was HEAD, whose response has the framing of GET but no
    /// body. <paramref name="upgradeAsked"/>: the request asked for a WebSocket, without which 101 is refused.
    /// </summary>
    public static ParseStatus Parse(byte[] buffer, int start, int end, HeadLimits limits, ResponseHead head, bool toHead, bool upgradeAsked)
    {
        head.Begin(buffer);
        head.IsSwitching = false;
        var limitedEnd = Math.Min(end, start + Math.Min(limits.HeadBytesMax, ushort.MaxValue));
        var position = start;
        var status = ReadStatusLine(head, limitedEnd, ref position);
        if (status == ParseStatus.Complete) status = FieldParser.ReadFields(head, limitedEnd, limits, ref position);
        if (status == ParseStatus.Incomplete && limitedEnd < end) return FieldParser.Refuse(head, Refusal.HeadTooLarge);
        if (status != ParseStatus.Complete) return status;

        head.Length = position - start;
        var refusal = FieldParser.ReadFraming(head);
        var upgrade = false;
        if (refusal == Refusal.None) refusal = FieldParser.ReadConnection(head, out upgrade);
        if (refusal == Refusal.None) refusal = ReadBody(head, toHead, upgradeAsked, upgrade);
        return refusal == Refusal.None ? ParseStatus.Complete : FieldParser.Refuse(head, refusal);
    }

    private static ParseStatus ReadStatusLine(ResponseHead head, int end, ref int position)
    {
        var line = head.Buffer.AsSpan(position, end - position);
        var expected = "HTTP/1."u8;
        var common = line.CommonPrefixLength(expected);
        if (common < expected.Length)
            return common == line.Length ? ParseStatus.Incomplete : FieldParser.Refuse(head, Refusal.StatusLineMalformed);
        if (line.Length > 7 && line[7] is not ((byte)'0' or (byte)'1')) return FieldParser.Refuse(head, Refusal.VersionNotSupported);
        if (line.Length > 8 && line[8] != ' ') return FieldParser.Refuse(head, Refusal.StatusLineMalformed);
        for (var i = 9; i < Math.Min(12, line.Length); i++)
        {
            if (!HttpBytes.IsDigit(line[i])) return FieldParser.Refuse(head, Refusal.StatusInvalid);
        }
        if (line.Length > 12 && line[12] != ' ') return FieldParser.Refuse(head, Refusal.StatusLineMalformed);
        if (line.Length <= 13) return ParseStatus.Incomplete;
        head.VersionMinor = (byte)(line[7] - '0');
        head.Status = ((line[9] - '0') * 100) + ((line[10] - '0') * 10) + (line[11] - '0');
        if (head.Status is < 100 or > 599) return FieldParser.Refuse(head, Refusal.StatusInvalid);

        var reason = line[13..];
        var length = reason.IndexOfAny(HttpBytes.Control);
        if (length < 0) return reason.Length > ReasonBytesMax ? FieldParser.Refuse(head, Refusal.HeadTooLarge) : ParseStatus.Incomplete;
        if (length > ReasonBytesMax) return FieldParser.Refuse(head, Refusal.HeadTooLarge);
        if (reason[length] != '\r')
            return FieldParser.Refuse(head, reason[length] == '\n' ? Refusal.BareLineFeed : Refusal.ControlCharacter);
        if (length + 1 >= reason.Length) return ParseStatus.Incomplete;
        if (reason[length + 1] != '\n') return FieldParser.Refuse(head, Refusal.BareCarriageReturn);
        head.ReasonStart = position + 13;
        head.ReasonLength = length;
        position += 13 + length + 2;
        return ParseStatus.Complete;
    }

    /// <summary>RFC 9112 section 6.3, in its order.</summary>
    private static Refusal ReadBody(ResponseHead head, bool toHead, bool upgradeAsked, bool upgrade)
    {
        if (head.Status == 101)
        {
            if (!upgradeAsked || !upgrade || FieldParser.CountOf(head, KnownField.Upgrade) != 1
                || !Ascii.EqualsIgnoreCase(head.Value(KnownField.Upgrade), "websocket"u8)) return Refusal.SwitchingNotAsked;
            head.IsSwitching = true;
        }
        if (head.Status is < 200 or 204)
        {
            if (head.Body == BodyKind.Chunked || head.ContentLength > 0) return Refusal.BodyNotAllowed;
            head.Body = BodyKind.None;
            return Refusal.None;
        }
        if (toHead || head.Status == 304)
        {
            head.Body = BodyKind.None;
            return Refusal.None;
        }
        if (head.Body == BodyKind.None)
        {
            head.Body = BodyKind.UntilClose;
            head.KeepAlive = false;
        }
        return Refusal.None;
    }
}
