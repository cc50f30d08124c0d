using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>Judges the request target (RFC 9112 section 3.2) and the host that it is for.</summary>
internal static class RequestTarget
{
    public static Refusal Read(RequestHead head, int start, int length, HeadLimits limits)
    {
        var target = head.Buffer.AsSpan(start, length);
        if (target[0] == '/') return ReadPathAndQuery(head, start, length, limits);
        if (target[0] == '*')
        {
            if (length != 1 || head.Method != MethodKind.Options) return Refusal.TargetFormNotAllowed;
            head.PathStart = start;
            head.PathLength = 1;
            return Refusal.None;
        }
        var scheme = target.StartsWith("http://"u8) ? 7 : target.StartsWith("https://"u8) ? 8 : 0;
        if (scheme == 0) return Refusal.TargetFormNotAllowed;
        var authorityLength = target[scheme..].IndexOfAny((byte)'/', (byte)'?');
        if (authorityLength < 0) authorityLength = length - scheme;
        head.HostStart = start + scheme;
        head.HostLength = authorityLength;
        if (authorityLength == 0) return Refusal.HostInvalid;
        return ReadPathAndQuery(head, start + scheme + authorityLength, length - scheme - authorityLength, limits);
    }

    /// <summary>Exactly one valid <c>Host</c>, agreeing with an absolute target.</summary>
    public static Refusal ReadHost(RequestHead head)
    {
        var index = head.IndexOf(KnownField.Host);
        var absolute = head.HostLength > 0;
        if (index < 0)
        {
            if (head.VersionMinor >= 1) return Refusal.HostMissing;
            return absolute ? SplitAuthority(head) : Refusal.None;
        }
        if (FieldParser.CountOf(head, KnownField.Host) > 1) return Refusal.HostDuplicate;
        if (absolute)
        {
            if (!Ascii.EqualsIgnoreCase(head.Authority, head.Value(KnownField.Host))) return Refusal.HostDisagrees;
        }
        else
        {
            head.HostStart = head.Fields[index].ValueStart;
            head.HostLength = head.Fields[index].ValueLength;
        }
        return SplitAuthority(head);
    }

    /// <summary><c>uri-host [":" port]</c> without user information, sub-delims or percent-encoding.</summary>
    private static Refusal SplitAuthority(RequestHead head)
    {
        var authority = head.Authority;
        if (authority.Length is 0 or > 260) return Refusal.HostInvalid;
        int nameLength;
        if (authority[0] == '[')
        {
            var close = authority.IndexOf((byte)']');
            if (close < 4 || authority[1..close].ContainsAnyExcept(HttpBytes.Ipv6)) return Refusal.HostInvalid;
            nameLength = close + 1;
        }
        else
        {
            nameLength = authority.IndexOfAnyExcept(HttpBytes.HostName);
            if (nameLength < 0) nameLength = authority.Length;
            if (nameLength == 0 || authority[0] is (byte)'.' or (byte)'-') return Refusal.HostInvalid;
        }
        head.HostNameLength = nameLength;
        if (nameLength == authority.Length) return Refusal.None;
        var port = authority[(nameLength + 1)..];
        if (authority[nameLength] != ':' || port.Length > 5 || !HttpBytes.TryParseDecimal(port, out var number) || number is 0 or > 65535)
            return Refusal.HostInvalid;
        return Refusal.None;
    }

    private static Refusal ReadPathAndQuery(RequestHead head, int start, int length, HeadLimits limits)
    {
        var target = head.Buffer.AsSpan(start, length);
        var pathLength = target.IndexOf((byte)'?');
        if (pathLength < 0)
        {
            pathLength = length;
        }
        else
        {
            head.HasQuery = true;
            head.QueryStart = start + pathLength + 1;
            head.QueryLength = length - pathLength - 1;
            if (head.Query.ContainsAnyExcept(HttpBytes.Query)) return Refusal.TargetInvalid;
        }
        head.PathStart = start;
        head.PathLength = pathLength;
        var path = target[..pathLength];
        return path.ContainsAnyExcept(HttpBytes.Path) || path.IndexOf("/."u8) >= 0 ? JudgePath(path, limits) : Refusal.None;
    }

    /// <summary>
    /// The slow look at a path with percent-encodings or leading dots. Dot segments, in any encoding and with path parameters, are what a
    /// gateway and an upstream resolve differently; clients resolve them before they send.
    /// </summary>
    private static Refusal JudgePath(ReadOnlySpan<byte> path, HeadLimits limits)
    {
        var dots = 0;      // dots so far, when the segment is nothing but dots
        var onlyDots = false;
        var parameters = false;
        for (var i = 0; i <= path.Length; i++)
        {
            var value = i == path.Length ? (byte)'/' : path[i];
            if (value == '/' || value == '\\')
            {
                if (value == '\\') return Refusal.TargetInvalid;
                if (onlyDots && dots is 1 or 2) return Refusal.TargetDotSegment;
                (dots, onlyDots, parameters) = (0, true, false);
                continue;
            }
            if (value == '%')
            {
                if (i + 2 >= path.Length) return Refusal.TargetInvalid;
                var high = HttpBytes.HexDigit(path[i + 1]);
                var low = HttpBytes.HexDigit(path[i + 2]);
                if (high < 0 || low < 0) return Refusal.TargetInvalid;
                value = (byte)((high << 4) | low);
                i += 2;
                if (value is < 32 or 127) return Refusal.TargetInvalid;
                if (value == '\\' || (value == '/' && !limits.EncodedSlashAllowed)) return Refusal.TargetEncodedSlash;
                if (value == '/')
                {
                    if (onlyDots && dots is 1 or 2) return Refusal.TargetDotSegment;
                    (dots, onlyDots, parameters) = (0, true, false);
                    continue;
                }
            }
            else if (!HttpBytes.Path.Contains(value))
            {
                return Refusal.TargetInvalid;
            }
            if (value == ';') parameters = true;
            if (parameters) continue;
            if (value == '.') dots++;
            else onlyDots = false;
        }
        return Refusal.None;
    }
}
