using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace SkyRiff.App.Edge;

/// <summary>
/// Whose address a request has: the peer's, unless the peer is a proxy that we trust; then the right-most address in <c>X-Forwarded-For</c> that is not one of
/// ours. Whatever stands left of that was written by somebody we do not know.
/// </summary>
internal static class ClientAddress
{
    private static readonly SearchValues<char> OfAnAddress = SearchValues.Create("0123456789abcdefABCDEF:.");
    private static readonly SearchValues<char> OfIPv4 = SearchValues.Create("0123456789.");

    /// <summary>Addresses that are looked at; a longer list is an attack.</summary>
    private const int HopsMax = 16;

    /// <summary>The longest text of an IPv6 address.</summary>
    private const int TextLengthMax = 45;

    public static IPAddress Of(IPAddress peer, StringValues forwardedFor, IPNetwork[] trusted)
    {
        var client = Plain(peer);
        if (!IsIn(trusted, client)) return client;
        var hops = 0;
        for (var line = forwardedFor.Count - 1; line >= 0; line--)
        {
            var rest = forwardedFor[line].AsSpan();
            while (rest.Length > 0)
            {
                var comma = rest.LastIndexOf(',');
                if (++hops > HopsMax || Parse(rest[(comma + 1)..].Trim(" \t")) is not { } hop) return client;
                client = hop;
                if (!IsIn(trusted, client)) return client;
                rest = comma < 0 ? default : rest[..comma];
            }
        }
        return client;
    }

    public static bool IsIn(IPNetwork[] ranges, IPAddress address)
    {
        foreach (var range in ranges)
        {
            if (range.Contains(address)) return true;
        }
        return false;
    }

    /// <summary>A CIDR block, or an address as a block of one; null for anything else.</summary>
    public static IPNetwork? ParseRange(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (Parse(slash < 0 ? text : text.AsSpan(0, slash)) is not { } address) return null;
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var prefix = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > bits)) return null;
        // The bits behind the prefix say nothing; IPNetwork wants them to be zero.
        var bytes = address.GetAddressBytes();
        for (var bit = prefix; bit < bits; bit++) bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPNetwork(new IPAddress(bytes), prefix);
    }

    /// <summary>IPv4 as four decimal numbers, or IPv6; none of the other forms that the framework takes (<c>1</c>, <c>0x7f.1</c>, <c>fe80::1%eth0</c>, ports).</summary>
    private static IPAddress? Parse(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > TextLengthMax || text.ContainsAnyExcept(OfAnAddress)) return null;
        if (!text.Contains(':') && (text.Count('.') != 3 || text.ContainsAnyExcept(OfIPv4) || HasLeadingZero(text))) return null;
        return IPAddress.TryParse(text, out var address) ? Plain(address) : null;
    }

    /// <summary>The framework reads 010 as eight.</summary>
    private static bool HasLeadingZero(ReadOnlySpan<char> text)
    {
        foreach (var part in text.Split('.'))
        {
            if (text[part].Length > 1 && text[part][0] == '0') return true;
        }
        return false;
    }

    /// <summary>An IPv4 address that came over an IPv6 socket, as IPv4.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
