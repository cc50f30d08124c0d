using System.Buffers.Binary;
using System.Numerics;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>W3C Trace Context level 1: the trace this request belongs to, and the gateway's own span in it. The trace id is the request id too.</summary>
internal readonly record struct TraceContext(ulong TraceHigh, ulong TraceLow, ulong Span, byte Flags)
{
    /// <summary><c>00-{32}-{16}-{2}</c></summary>
    public const int TextBytes = 55;
    public const int TraceIdBytes = 32;

    private static ReadOnlySpan<byte> HexDigits => "0123456789abcdef"u8;

    /// <summary>Continues the caller's trace when its header is valid, else begins one.</summary>
    public static TraceContext Continue(ReadOnlySpan<byte> traceparent, ref SpanIds ids)
    {
        if (traceparent.Length == TextBytes && traceparent[0] == '0' && traceparent[1] == '0' && traceparent[2] == '-' && traceparent[35] == '-'
            && traceparent[52] == '-' && TryHex(traceparent.Slice(3, 16), out var high) && TryHex(traceparent.Slice(19, 16), out var low)
            && TryHex(traceparent.Slice(36, 16), out var parent) && TryHex(traceparent.Slice(53, 2), out var flags) && (high | low) != 0 && parent != 0)
        {
            return new(high, low, ids.Next(), (byte)flags);
        }
        return new(ids.Next(), ids.Next(), ids.Next(), 1);
    }

    public void FormatTraceId(Span<byte> destination)
    {
        Hex(TraceHigh, destination);
        Hex(TraceLow, destination[16..]);
    }

    public void Format(Span<byte> destination)
    {
        destination[0] = destination[1] = (byte)'0';
        destination[2] = destination[35] = destination[52] = (byte)'-';
        FormatTraceId(destination[3..]);
        Hex(Span, destination[36..]);
        destination[53] = HexDigits[Flags >> 4];
        destination[54] = HexDigits[Flags & 15];
    }

    private static void Hex(ulong value, Span<byte> destination)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        Convert.TryToHexStringLower(bytes, destination, out _);
    }

    /// <summary>Lower case only, as the specification says.</summary>
    private static bool TryHex(ReadOnlySpan<byte> digits, out ulong value)
    {
        value = 0;
        foreach (var digit in digits)
        {
            if (digit is >= (byte)'A' and <= (byte)'F') return false;
            var number = HttpBytes.HexDigit(digit);
            if (number < 0) return false;
            value = (value << 4) | (uint)number;
        }
        return true;
    }
}

/// <summary>Ids that need not be secret, only different: xoroshiro128+ (Blackman and Vigna), one state per loop.</summary>
internal struct SpanIds
{
    private ulong _s0;
    private ulong _s1;

    public SpanIds(Kernel.Entropy entropy)
    {
        Span<byte> seed = stackalloc byte[16];
        entropy.Fill(seed);
        _s0 = BinaryPrimitives.ReadUInt64LittleEndian(seed) | 1;
        _s1 = BinaryPrimitives.ReadUInt64LittleEndian(seed[8..]);
    }

    /// <summary>Never zero.</summary>
    public ulong Next()
    {
        var (s0, s1) = (_s0, _s1);
        var result = s0 + s1;
        s1 ^= s0;
        _s0 = BitOperations.RotateLeft(s0, 24) ^ s1 ^ (s1 << 16);
        _s1 = BitOperations.RotateLeft(s1, 37);
        return result == 0 ? 1 : result;
    }
}
