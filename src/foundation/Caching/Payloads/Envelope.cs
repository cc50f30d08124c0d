using System.Buffers.Binary;
using System.Numerics;

namespace SkyRiff.Caching.Payloads;

/// <summary>What is at a key in Redis.</summary>
internal enum EnvelopeKind : byte
{
    Value = 0,

    /// <summary>The source was asked and has nothing.</summary>
    Absent = 1,

    /// <summary>It was invalidated: whoever read something else here before must not store.</summary>
    Tombstone = 2,

    /// <summary>A write to the source is under way: nobody but its writer may store.</summary>
    Mark = 3,
}

internal enum EnvelopeState
{
    Good,

    /// <summary>Another format or payload version: of a newer or older program.</summary>
    UnknownVersion,

    Damaged,
}

/// <summary>
/// The bytes around a payload in Redis. Little endian:
/// <code>
///   0 format version   1 kind   2 nonce (8)   10 stamp (8)   18 written at, Unix ms (8)   26 fresh for, ms (4)   30 payload version   31 payload ...   CRC-32C (4)
/// </code>
/// Every format, past and future, has its nonce there: stores are fenced by it without knowing more.
/// </summary>
internal readonly record struct Envelope(EnvelopeKind Kind, long Nonce, long Stamp, long WrittenAtMs, uint FreshMs, byte PayloadVersion)
{
    public const byte FormatVersion = 1;
    public const int NonceAt = 2;
    public const int NonceBytes = 8;
    public const int HeaderBytes = 31;
    private const int ChecksumBytes = 4;
    private const int MinBytes = HeaderBytes + ChecksumBytes;

    /// <summary>Identity of whatever is there; shorter than a nonce for what we did not write, empty for nothing.</summary>
    public static byte[] NonceOf(ReadOnlySpan<byte> stored) => stored.Length <= NonceAt ? [] : stored[NonceAt..Math.Min(stored.Length, NonceAt + NonceBytes)].ToArray();

    public static EnvelopeState TryRead(ReadOnlySpan<byte> stored, out Envelope envelope, out ReadOnlySpan<byte> payload)
    {
        envelope = default;
        payload = default;
        if (stored.IsEmpty)
            return EnvelopeState.Damaged;
        if (stored[0] != FormatVersion)
            return EnvelopeState.UnknownVersion;
        if (stored.Length < MinBytes || BinaryPrimitives.ReadUInt32LittleEndian(stored[^ChecksumBytes..]) != Checksum(stored[..^ChecksumBytes]) || stored[1] > (byte)EnvelopeKind.Mark)
            return EnvelopeState.Damaged;

        envelope = new Envelope(
            (EnvelopeKind)stored[1],
            BinaryPrimitives.ReadInt64LittleEndian(stored[NonceAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(stored[10..]),
            BinaryPrimitives.ReadInt64LittleEndian(stored[18..]),
            BinaryPrimitives.ReadUInt32LittleEndian(stored[26..]),
            stored[30]);
        payload = stored[HeaderBytes..^ChecksumBytes];
        return EnvelopeState.Good;
    }

    public byte[] Write(ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[HeaderBytes + payload.Length + ChecksumBytes];
        var span = bytes.AsSpan();
        span[0] = FormatVersion;
        span[1] = (byte)Kind;
        BinaryPrimitives.WriteInt64LittleEndian(span[NonceAt..], Nonce);
        BinaryPrimitives.WriteInt64LittleEndian(span[10..], Stamp);
        BinaryPrimitives.WriteInt64LittleEndian(span[18..], WrittenAtMs);
        BinaryPrimitives.WriteUInt32LittleEndian(span[26..], FreshMs);
        span[30] = PayloadVersion;
        payload.CopyTo(span[HeaderBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(span[^ChecksumBytes..], Checksum(span[..^ChecksumBytes]));
        return bytes;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
