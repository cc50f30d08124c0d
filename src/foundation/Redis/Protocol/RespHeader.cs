using System.Buffers.Text;

namespace SkyRiff.Redis.Protocol;

/// <summary>
/// The first line of a RESP element. <see cref="Number"/> is the value of an integer or boolean, the payload's bytes for a bulk, the number of
/// children for an aggregate (pairs count twice), and -1 for a null.
/// </summary>
public readonly ref struct RespHeader
{
    /// <summary>A line that is longer than this is malformed; Redis itself stays under it for errors and status lines.</summary>
    public const int LineBytesMax = 64 * 1024;

    private RespHeader(RespKind kind, long number, ReadOnlySpan<byte> line, int length)
    {
        Kind = kind;
        Number = number;
        Line = line;
        Length = length;
    }

    /// <summary>The type byte.</summary>
    public RespKind Kind { get; }

    /// <summary>See the type.</summary>
    public long Number { get; }

    /// <summary>The text between the type byte and CRLF.</summary>
    public ReadOnlySpan<byte> Line { get; }

    /// <summary>Bytes of the line with type byte and CRLF.</summary>
    public int Length { get; }

    /// <summary>Whether <see cref="Number"/> payload bytes and a CRLF follow.</summary>
    public bool HasPayload => Number >= 0 && Kind is (RespKind.Bulk or RespKind.BulkError or RespKind.Verbatim);

    /// <summary>Whether children follow.</summary>
    public bool IsAggregate => Kind is RespKind.Array or RespKind.Map or RespKind.Set or RespKind.Push or RespKind.Attribute;

    /// <summary>Reads the header at the start of <paramref name="bytes"/>; pure, never throws, looks at one line only.</summary>
    public static RespProgress TryRead(ReadOnlySpan<byte> bytes, out RespHeader header)
    {
        header = default;
        if (bytes.IsEmpty)
            return RespProgress.NeedMore;

        var kind = (RespKind)bytes[0];
        if (!IsKind(kind))
            return RespProgress.Malformed;

        var rest = bytes[1..];
        var end = rest.IndexOf((byte)'\r');
        if (end < 0 || end + 1 == rest.Length)
            return (end < 0 ? rest.Length : end) > LineBytesMax ? RespProgress.Malformed : RespProgress.NeedMore;

        if (rest[end + 1] != '\n' || end > LineBytesMax)
            return RespProgress.Malformed;

        var line = rest[..end];
        if (!TryReadNumber(kind, line, out var number))
            return RespProgress.Malformed;

        header = new RespHeader(kind, number, line, end + 3);
        return RespProgress.Complete;
    }

    /// <summary>A decimal integer and nothing else.</summary>
    public static bool TryReadInteger(ReadOnlySpan<byte> text, out long value)
    {
        // Lengths have at most three digits nearly always.
        if (text.Length is > 0 and <= 3)
        {
            var sum = 0;
            foreach (var digit in text)
            {
                var d = digit - '0';
                if ((uint)d > 9)
                {
                    sum = -1;
                    break;
                }

                sum = (sum * 10) + d;
            }

            if (sum >= 0)
            {
                value = sum;
                return true;
            }
        }

        return Utf8Parser.TryParse(text, out value, out var consumed) && consumed == text.Length;
    }

    private static bool IsKind(RespKind kind) => kind is RespKind.Text or RespKind.Error or RespKind.Integer or RespKind.Bulk or RespKind.Array
        or RespKind.Null or RespKind.Boolean or RespKind.Double or RespKind.BigNumber or RespKind.BulkError or RespKind.Verbatim
        or RespKind.Map or RespKind.Set or RespKind.Push or RespKind.Attribute;

    private static bool TryReadNumber(RespKind kind, ReadOnlySpan<byte> line, out long number)
    {
        number = 0;
        switch (kind)
        {
            case RespKind.Text or RespKind.Error or RespKind.Double or RespKind.BigNumber:
                return true;
            case RespKind.Null:
                number = -1;
                return line.IsEmpty;
            case RespKind.Boolean:
                number = line.SequenceEqual("t"u8) ? 1 : 0;
                return line.Length == 1 && (line[0] is (byte)'t' or (byte)'f');
            case RespKind.Integer:
                return TryReadInteger(line, out number);
            case RespKind.Map or RespKind.Attribute:
                if (!TryReadInteger(line, out number) || number < 0 || number > int.MaxValue)
                    return false;
                number *= 2;
                return true;
            case RespKind.Bulk or RespKind.Array:
                return TryReadInteger(line, out number) && number >= -1 && number <= int.MaxValue;
            default:
                return TryReadInteger(line, out number) && number >= 0 && number <= int.MaxValue;
        }
    }
}
