using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis;

/// <summary>
/// An argument or a value to be written: bytes, text (sent as UTF-8), an integer or a double. Bytes are read before the call returns, except
/// payloads of 256 KiB or more, which must stay unchanged until the call's task is done.
/// </summary>
public readonly struct RedisArg
{
    private readonly string? _text;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly long _number;
    private readonly ArgKind _kind;

    private RedisArg(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    private RedisArg(string text) => (_text, _kind) = (text, ArgKind.Text);

    private RedisArg(long number) => (_number, _kind) = (number, ArgKind.Integer);

    private RedisArg(double number) => (_number, _kind) = (BitConverter.DoubleToInt64Bits(number), ArgKind.Double);

    private enum ArgKind : byte
    {
        Bytes,
        Text,
        Integer,
        Double,
    }

    /// <summary>Bytes as they are.</summary>
    public static implicit operator RedisArg(ReadOnlyMemory<byte> bytes) => new(bytes);

    /// <summary>Bytes as they are.</summary>
    public static implicit operator RedisArg(Memory<byte> bytes) => new(bytes);

    /// <summary>Bytes as they are.</summary>
    public static implicit operator RedisArg(byte[] bytes) => new(bytes.AsMemory());

    /// <summary>Text, sent as UTF-8.</summary>
    public static implicit operator RedisArg(string text) => new(text);

    /// <summary>A decimal integer.</summary>
    public static implicit operator RedisArg(long number) => new(number);

    /// <summary>A decimal integer.</summary>
    public static implicit operator RedisArg(int number) => new((long)number);

    /// <summary>A number in its shortest exact form; infinities as Redis spells them.</summary>
    public static implicit operator RedisArg(double number) => new(number);

    internal void WriteTo(ref CommandBuffer command)
    {
        switch (_kind)
        {
            case ArgKind.Text:
                command.Bulk(_text.AsSpan());
                break;
            case ArgKind.Integer:
                command.Bulk(_number);
                break;
            case ArgKind.Double:
                command.Bulk(BitConverter.Int64BitsToDouble(_number));
                break;
            default:
                command.Bulk(_bytes);
                break;
        }
    }
}
