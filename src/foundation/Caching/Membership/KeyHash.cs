using System.Buffers.Binary;

namespace SkyRiff.Caching.Membership;

/// <summary>64 bits of a key under a seed: multiply and fold (the inner step of wyhash, Wang Yi, 2019). Not for secrets: who knows the seed can make keys that collide.</summary>
internal static class KeyHash
{
    private const ulong First = 0xA0761D6478BD642F;
    private const ulong Second = 0xE7037ED1A0B428DB;
    private const ulong Third = 0x8EBC6AF09C88C6E3;

    public static ulong Of(ReadOnlySpan<byte> key, ulong seed)
    {
        var hash = seed ^ ((ulong)key.Length * First);
        while (key.Length >= sizeof(ulong))
        {
            hash = Fold(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(key), Second);
            key = key[sizeof(ulong)..];
        }

        var rest = 0UL;
        for (var index = 0; index < key.Length; index++)
            rest |= (ulong)key[index] << (8 * index);
        return Fold(Fold(hash ^ rest, Third), First);
    }

    public static ulong Of(long key, ulong seed) => Fold(Fold(Fold(seed ^ unchecked(sizeof(long) * First) ^ unchecked((ulong)key), Second), Third), First);

    private static ulong Fold(ulong left, ulong right) => Math.BigMul(left, right, out var low) ^ low;
}
