using System.Buffers.Binary;
using System.Net;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Resilience.Limits;

/// <summary>
/// Who is being limited, as 64 bits: a hash under a key that is drawn once per process, so nobody outside can find two keys that meet. Ten
/// million keys share a number with a probability of 3 in a million; two that do, share a limit.
/// </summary>
public readonly record struct LimitKey(ulong Value)
{
    private static readonly SipHash Hash = SipHash.Keyed(Entropy.System);

    /// <summary>A user, by id.</summary>
    public static LimitKey Of(long id) => new(Hash.Hash((ulong)id));

    /// <summary>The same id under another rule, when one table serves several.</summary>
    public static LimitKey Of(long scope, long id) => new(Hash.Hash((ulong)scope, (ulong)id));

    public static LimitKey Of(ReadOnlySpan<byte> bytes) => new(Hash.Hash(bytes));

    public static LimitKey Of(ReadOnlySpan<char> text) => new(Hash.Hash(text));

    /// <summary>
    /// A client by address. An IPv6 client is its /64, since that is what one customer is given and can roam in; an IPv4 address that is
    /// written as IPv6 is the IPv4 address.
    /// </summary>
    public static LimitKey Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out var length) ? OfAddress(bytes[..length]) : throw new ArgumentException("The address has no bytes.", nameof(address));
    }

    /// <summary>The same for the 4 or 16 bytes of an address as they stand in a packet.</summary>
    public static LimitKey OfAddress(ReadOnlySpan<byte> address) => address.Length switch
    {
        4 => new(Hash.Hash(4, BinaryPrimitives.ReadUInt32BigEndian(address))),
        16 when address.StartsWith(MappedPrefix) => new(Hash.Hash(4, BinaryPrimitives.ReadUInt32BigEndian(address[12..]))),
        16 => new(Hash.Hash(6, BinaryPrimitives.ReadUInt64BigEndian(address))),
        _ => throw new ArgumentException("An address has 4 or 16 bytes.", nameof(address)),
    };

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
}
