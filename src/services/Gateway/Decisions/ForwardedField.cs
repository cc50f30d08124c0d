using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// The client's address and scheme out of <c>Forwarded</c> (RFC 7239), by the same rule as for <c>X-Forwarded-For</c>: from the right, the first address
/// that is not a trusted proxy's. Whatever cannot be read ends the walk there.
/// </summary>
internal static class ForwardedField
{
    /// <summary>Hops that are looked at; a longer list is an attack.</summary>
    private const int HopsMax = 16;

    /// <summary>The peer must be a trusted proxy.</summary>
    public static PeerAddress ClientOf(RequestHead head, PeerAddress peer, AddressRange[] trusted, out bool isHttps)
    {
        isHttps = false;
        var client = peer;
        var hops = 0;
        Span<int> commas = stackalloc int[HopsMax + 1];
        for (var i = head.FieldCount - 1; i >= 0; i--)
        {
            if (head.Fields[i].Known != KnownField.Forwarded) continue;
            var value = head.ValueAt(i);
            var count = Split(value, commas);
            if (count < 0) return client;
            for (var element = count; element >= 0; element--)
            {
                var start = element == 0 ? 0 : commas[element - 1] + 1;
                var end = element == count ? value.Length : commas[element];
                if (++hops > HopsMax || !TryElement(HttpBytes.Trim(value[start..end]), out var hop, out var https)) return client;
                (client, isHttps) = (hop, https);
                if (!AddressRange.AnyContains(trusted, hop)) return client;
            }
        }
        return client;
    }

    /// <summary>Where the commas between elements are; those in quotes are none. -1 when it cannot be told.</summary>
    private static int Split(ReadOnlySpan<byte> value, Span<int> commas)
    {
        var (count, quoted) = (0, false);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '"') quoted = !quoted;
            else if (value[i] == '\\' && quoted) return -1; // no address needs an escape
            else if (value[i] == ',' && !quoted)
            {
                if (count == commas.Length) return -1;
                commas[count++] = i;
            }
        }
        return quoted ? -1 : count;
    }

    private static bool TryElement(ReadOnlySpan<byte> element, out PeerAddress hop, out bool isHttps)
    {
        (hop, isHttps) = (default, false);
        var hasHop = false;
        while (element.Length > 0)
        {
            var end = EndOfPair(element);
            var pair = HttpBytes.Trim(element[..end]);
            element = end == element.Length ? default : element[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            if (equals <= 0) return false;
            var name = pair[..equals];
            var value = pair[(equals + 1)..];
            if (value.Length >= 2 && value[0] == '"' && value[^1] == '"') value = value[1..^1];
            if (Ascii.EqualsIgnoreCase(name, "for"u8))
            {
                if (hasHop || !TryNode(value, out hop)) return false;
                hasHop = true;
            }
            else if (Ascii.EqualsIgnoreCase(name, "proto"u8))
            {
                isHttps = Ascii.EqualsIgnoreCase(value, "https"u8);
            }
        }
        return hasHop;
    }

    private static int EndOfPair(ReadOnlySpan<byte> element)
    {
        var quoted = false;
        for (var i = 0; i < element.Length; i++)
        {
            if (element[i] == '"') quoted = !quoted;
            else if (element[i] == ';' && !quoted) return i;
        }
        return element.Length;
    }

    /// <summary><c>192.0.2.1</c>, <c>192.0.2.1:80</c>, <c>[2001:db8::1]</c>, <c>[2001:db8::1]:80</c>; "unknown" and hidden names are no address.</summary>
    private static bool TryNode(ReadOnlySpan<byte> node, out PeerAddress address)
    {
        address = default;
        if (node.Length > 0 && node[0] == '[')
        {
            var close = node.IndexOf((byte)']');
            return close > 0 && IsPort(node[(close + 1)..]) && node[1..close].Contains((byte)':') && ClientAddress.TryParse(node[1..close], out address);
        }
        var colon = node.IndexOf((byte)':');
        var host = colon < 0 ? node : node[..colon];
        return IsPort(colon < 0 ? default : node[colon..]) && ClientAddress.TryParse(host, out address);
    }

    private static bool IsPort(ReadOnlySpan<byte> text)
    {
        if (text.Length == 0) return true;
        if (text[0] != ':' || text.Length is < 2 or > 6) return false;
        foreach (var digit in text[1..])
        {
            if (!HttpBytes.IsDigit(digit)) return false;
        }
        return true;
    }
}
