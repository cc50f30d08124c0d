using System.Buffers.Binary;
using System.Buffers.Text;

namespace SkyRiff.Gateway.Decisions;

/// <summary>A client's IP address as a value; IPv4 in its mapped IPv6 form. The default means "none" (a Unix socket).</summary>
internal readonly record struct PeerAddress(UInt128 Value)
{
    public const int TextBytesMax = 45;

    private static readonly UInt128 MappedPrefix = (UInt128)0xFFFF << 32;

    public bool IsNone => Value == UInt128.Zero;

    public bool IsV4 => (Value >> 32) == (MappedPrefix >> 32);

    /// <summary>From 4 or 16 bytes in network order.</summary>
    public static PeerAddress Of(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => new(MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => new(BinaryPrimitives.ReadUInt128BigEndian(bytes)),
        _ => default,
    };

    /// <summary>Writes the text of RFC 5952; <paramref name="destination"/> holds at least <see cref="TextBytesMax"/> bytes.</summary>
    public int Format(Span<byte> destination)
    {
        if (IsNone) return 0;
        var at = 0;
        if (IsV4)
        {
            for (var shift = 24; shift >= 0; shift -= 8)
            {
                if (at > 0) destination[at++] = (byte)'.';
                Utf8Formatter.TryFormat((byte)(Value >> shift), destination[at..], out var written);
                at += written;
            }
            return at;
        }
        var (zerosFrom, zeros) = LongestZeros();
        for (var group = 0; group < 8; group++)
        {
            if (group == zerosFrom)
            {
                destination[at++] = (byte)':';
                destination[at++] = (byte)':';
                group += zeros - 1;
                continue;
            }
            if (at > 0 && destination[at - 1] != ':') destination[at++] = (byte)':';
            Utf8Formatter.TryFormat(Group(group), destination[at..], out var written, 'x');
            at += written;
        }
        return at;
    }

    public override string ToString()
    {
        Span<byte> text = stackalloc byte[TextBytesMax];
        return System.Text.Encoding.ASCII.GetString(text[..Format(text)]);
    }

    private ushort Group(int index) => (ushort)(Value >> (112 - (index * 16)));

    private (int From, int Count) LongestZeros()
    {
        var best = (From: -1, Count: 1);
        for (var from = 0; from < 8; from++)
        {
            var count = 0;
            while (from + count < 8 && Group(from + count) == 0) count++;
            if (count > best.Count) best = (from, count);
            from += count;
        }
        return best;
    }
}
