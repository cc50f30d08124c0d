using System.Net;
using System.Net.Sockets;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>A CIDR block, IPv4 or IPv6; a single address is a block of one.</summary>
internal readonly record struct AddressRange(UInt128 First, UInt128 Mask)
{
    public bool Contains(PeerAddress address) => !address.IsNone && (address.Value & Mask) == First;

    public static AddressRange? TryParse(string text)
    {
        var slash = text.IndexOf('/');
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address)) return null;
        var peer = PeerAddress.Of(address.GetAddressBytes());
        var offset = address.AddressFamily == AddressFamily.InterNetwork ? 96 : 0;
        var bits = 128 - offset;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out bits) || bits > 128 - offset)) return null;
        var mask = bits + offset == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - bits - offset);
        return new(peer.Value & mask, mask);
    }

    public static bool AnyContains(AddressRange[] ranges, PeerAddress address)
    {
        foreach (var range in ranges)
        {
            if (range.Contains(address)) return true;
        }
        return false;
    }
}

/// <summary>
/// Whose address a request has: the peer's, unless the peer is a proxy that we trust; then the right-most address in <c>X-Forwarded-For</c> that is
/// not one of ours. Whatever stands left of that was written by somebody we do not know.
/// </summary>
internal static class ClientAddress
{
    /// <summary>Addresses that are looked at; a longer list is an attack.</summary>
    private const int HopsMax = 16;

    public static PeerAddress Of(RequestHead head, PeerAddress peer, AddressRange[] trusted)
    {
        if (trusted.Length == 0 || !AddressRange.AnyContains(trusted, peer) || !head.Has(KnownField.XForwardedFor)) return peer;
        var client = peer;
        var hops = 0;
        for (var i = head.FieldCount - 1; i >= 0; i--)
        {
            if (head.Fields[i].Known != KnownField.XForwardedFor) continue;
            var rest = head.ValueAt(i);
            while (rest.Length > 0)
            {
                var comma = rest.LastIndexOf((byte)',');
                if (++hops > HopsMax || !TryParse(HttpBytes.Trim(rest[(comma + 1)..]), out var hop)) return client;
                client = hop;
                if (!AddressRange.AnyContains(trusted, hop)) return client;
                rest = comma < 0 ? default : rest[..comma];
            }
        }
        return client;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out PeerAddress address)
    {
        address = default;
        if (text.Length is 0 or > PeerAddress.TextBytesMax) return false;
        if (TryParseV4(text, out address)) return true;
        if (!text.Contains((byte)':')) return false;
        Span<char> characters = stackalloc char[text.Length];
        System.Text.Encoding.Latin1.GetChars(text, characters);
        if (!IPAddress.TryParse(characters, out var parsed) || parsed.AddressFamily != AddressFamily.InterNetworkV6) return false;
        Span<byte> bytes = stackalloc byte[16];
        parsed.TryWriteBytes(bytes, out _);
        address = PeerAddress.Of(bytes);
        return true;
    }

    private static bool TryParseV4(ReadOnlySpan<byte> text, out PeerAddress address)
    {
        address = default;
        Span<byte> bytes = stackalloc byte[4];
        var (octet, value, digits) = (0, 0, 0);
        foreach (var character in text)
        {
            if (character == '.')
            {
                if (digits == 0 || octet == 3) return false;
                bytes[octet++] = (byte)value;
                (value, digits) = (0, 0);
                continue;
            }
            if (!HttpBytes.IsDigit(character) || ++digits > 3) return false;
            value = (value * 10) + (character - '0');
            if (value > 255) return false;
        }
        if (octet != 3 || digits == 0) return false;
        bytes[3] = (byte)value;
        address = PeerAddress.Of(bytes);
        return true;
    }
}
