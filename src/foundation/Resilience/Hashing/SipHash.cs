using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Resilience.Hashing;

/// <summary>
/// SipHash-1-3 (Aumasson and Bernstein, 2012; the variant of Rust's and Ruby's tables): a keyed 64-bit hash, so that a stranger who picks
/// the keys cannot pick where they land. With <see cref="Stable"/> every process and every run agrees, which hash rings need.
/// </summary>
public readonly struct SipHash(ulong key0, ulong key1)
{
    private readonly ulong _key0 = key0;
    private readonly ulong _key1 = key1;

    /// <summary>The key that never changes: same answer in every process and version.</summary>
    public static SipHash Stable { get; } = new(0x736b79726966662e, 0x6861736872696e67);

    /// <summary>A key of 16 random bytes.</summary>
    public static SipHash Keyed(Kernel.Entropy entropy)
    {
        Span<byte> key = stackalloc byte[16];
        entropy.Fill(key);
        return new SipHash(BinaryPrimitives.ReadUInt64LittleEndian(key), BinaryPrimitives.ReadUInt64LittleEndian(key[8..]));
    }

    /// <summary>The hash of one number; the same as of its eight little-endian bytes.</summary>
    public ulong Hash(ulong value)
    {
        var state = new State(_key0, _key1);
        state.Block(value);
        state.Block(8UL << 56);
        return state.Finish();
    }

    /// <summary>The hash of two numbers; the same as of their sixteen little-endian bytes.</summary>
    public ulong Hash(ulong first, ulong second)
    {
        var state = new State(_key0, _key1);
        state.Block(first);
        state.Block(second);
        state.Block(16UL << 56);
        return state.Finish();
    }

    public ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var state = new State(_key0, _key1);
        var length = bytes.Length;
        while (bytes.Length >= 8)
        {
            state.Block(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }
        var last = (ulong)(length & 0xff) << 56;
        for (var i = 0; i < bytes.Length; i++) last |= (ulong)bytes[i] << (8 * i);
        state.Block(last);
        return state.Finish();
    }

    /// <summary>The hash of the text's UTF-16 code units.</summary>
    public ulong Hash(ReadOnlySpan<char> text) => Hash(System.Runtime.InteropServices.MemoryMarshal.AsBytes(text));

    private struct State(ulong key0, ulong key1)
    {
        private ulong _a = key0 ^ 0x736f6d6570736575;
        private ulong _b = key1 ^ 0x646f72616e646f6d;
        private ulong _c = key0 ^ 0x6c7967656e657261;
        private ulong _d = key1 ^ 0x7465646279746573;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Block(ulong word)
        {
            _d ^= word;
            Round();
            _a ^= word;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Finish()
        {
            _c ^= 0xff;
            Round();
            Round();
            Round();
            return _a ^ _b ^ _c ^ _d;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Round()
        {
            _a += _b;
            _b = BitOperations.RotateLeft(_b, 13) ^ _a;
            _a = BitOperations.RotateLeft(_a, 32);
            _c += _d;
            _d = BitOperations.RotateLeft(_d, 16) ^ _c;
            _a += _d;
            _d = BitOperations.RotateLeft(_d, 21) ^ _a;
            _c += _b;
            _b = BitOperations.RotateLeft(_b, 17) ^ _c;
            _c = BitOperations.RotateLeft(_c, 32);
        }
    }
}
