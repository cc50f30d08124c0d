using System.Buffers.Binary;
using System.Text;

namespace SkyRiff.Videos.Media;

/// <summary>One box of an MP4 (ISO/IEC 14496-12, 4.2): four letters, and what is in it.</summary>
internal readonly ref struct Mp4Box(string type, ReadOnlySpan<byte> content)
{
    public string Type { get; } = type;

    public ReadOnlySpan<byte> Content { get; } = content;
}

/// <summary>
/// The boxes that lie one after the other in a span. Nothing is read outside of it, whatever the sizes say: a box that does not fit, and more than
/// <see cref="BoxesMax"/> of them, end the walk as <see cref="Broken"/>.
/// </summary>
internal ref struct Mp4Boxes(ReadOnlySpan<byte> content)
{
    private const int BoxesMax = 64;
    private const int HeadLength = 8;

    private ReadOnlySpan<byte> _rest = content;
    private int _count;

    public bool Broken { get; private set; }

    public bool TryNext(out Mp4Box box)
    {
        box = default;
        if (Broken || _rest.IsEmpty) return false;
        var length = _rest.Length < HeadLength ? 0 : BinaryPrimitives.ReadUInt32BigEndian(_rest);
        if (length < HeadLength || length > _rest.Length || ++_count > BoxesMax)
        {
            Broken = true;
            return false;
        }

        box = new Mp4Box(Encoding.Latin1.GetString(_rest[4..HeadLength]), _rest[HeadLength..(int)length]);
        _rest = _rest[(int)length..];
        return true;
    }
}

/// <summary>Reads the fields of a box in their order. Past its end every field is 0 and <see cref="Short"/> is set; nothing throws.</summary>
internal ref struct Mp4Fields(ReadOnlySpan<byte> content)
{
    private ReadOnlySpan<byte> _rest = content;

    public bool Short { get; private set; }

    public readonly int Left => _rest.Length;

    public byte Byte() => Take(1) is [var value] ? value : (byte)0;

    public int UInt16() => Take(2) is { Length: 2 } bytes ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : 0;

    public uint UInt32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;

    public ulong UInt64() => Take(8) is { Length: 8 } bytes ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : 0;

    /// <summary>The next bytes; none when there are not as many.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            Short = true;
            _rest = default;
            return default;
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    public readonly ReadOnlySpan<byte> Rest() => _rest;
}
