using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace SkyRiff.Redis.Protocol;

/// <summary>
/// One element of a complete frame, and all below it; a view over bytes that allocates nothing. Asking an element for what it is not throws
/// <see cref="RedisException"/> of kind <see cref="RedisErrorKind.Protocol"/>.
/// </summary>
public readonly ref struct RespElement
{
    private readonly ReadOnlySpan<byte> _frame;
    private readonly RespHeader _header;

    private RespElement(ReadOnlySpan<byte> frame, RespHeader header)
    {
        _frame = frame;
        _header = header;
    }

    /// <summary>What the server sent.</summary>
    public RespKind Kind => _header.Kind;

    /// <summary>Whether it is one of the nulls of RESP2 and RESP3.</summary>
    public bool IsNull => _header.Number < 0 && Kind is (RespKind.Null or RespKind.Bulk or RespKind.Array);

    /// <summary>Whether it is an error; possible inside an array, as in the reply of EXEC.</summary>
    public bool IsError => Kind is RespKind.Error or RespKind.BulkError;

    /// <summary>Whether it has children.</summary>
    public bool IsAggregate => _header.IsAggregate;

    /// <summary>Children of an aggregate; a map's keys and values count one each. Zero for anything else.</summary>
    public int Count => IsAggregate && _header.Number > 0 ? (int)_header.Number : 0;

    /// <summary>The content of a bulk, text, error or number as the server wrote it; empty for null. The three-letter format of a verbatim string is cut off.</summary>
    public ReadOnlySpan<byte> Bytes
    {
        get
        {
            if (!_header.HasPayload)
                return IsNull || IsAggregate ? [] : _header.Line;
            var payload = _frame.Slice(_header.Length, (int)_header.Number);
            return Kind == RespKind.Verbatim && payload.Length >= 4 ? payload[4..] : payload;
        }
    }

    /// <summary>An integer, a boolean as 0 or 1, or text that spells an integer.</summary>
    public long Integer
    {
        get
        {
            if (Kind is RespKind.Integer or RespKind.Boolean)
                return _header.Number;
            return !IsNull && RespHeader.TryReadInteger(Bytes, out var value) ? value : throw Unexpected("an integer");
        }
    }

    /// <summary>A double, or text that spells one; RESP2 and RESP3 both write inf, -inf and nan.</summary>
    public double Double
    {
        get
        {
            var text = Bytes;
            if (text.SequenceEqual("inf"u8) || text.SequenceEqual("+inf"u8))
                return double.PositiveInfinity;
            if (text.SequenceEqual("-inf"u8))
                return double.NegativeInfinity;
            if (text.SequenceEqual("nan"u8) || text.SequenceEqual("-nan"u8))
                return double.NaN;
            return !IsNull && Utf8Parser.TryParse(text, out double value, out var consumed) && consumed == text.Length ? value : throw Unexpected("a number");
        }
    }

    /// <summary>The content as UTF-8.</summary>
    public string GetString() => Encoding.UTF8.GetString(Bytes);

    /// <summary>The children in order; a map yields keys and values in turn.</summary>
    public Enumerator GetEnumerator() => new(Count == 0 ? [] : _frame[_header.Length..], Count);

    /// <summary>The kind with the content, for people.</summary>
    public override string ToString() => IsAggregate ? string.Create(CultureInfo.InvariantCulture, $"{Kind} of {Count}") : $"{Kind} {GetString()}";

    /// <summary>The element that starts <paramref name="frame"/>, which must be complete (see <see cref="FrameScanner"/>); attributes before it are skipped.</summary>
    public static RespElement Parse(ReadOnlySpan<byte> frame)
    {
        while (true)
        {
            if (RespHeader.TryRead(frame, out var header) != RespProgress.Complete)
                throw new RedisException(RedisErrorKind.Protocol, "An incomplete RESP frame was parsed.");
            if (header.Kind != RespKind.Attribute)
                return new RespElement(frame, header);

            frame = frame[header.Length..];
            for (var child = 0; child < header.Number; child++)
                frame = frame[LengthOf(frame)..];
        }
    }

    private static int LengthOf(ReadOnlySpan<byte> bytes)
    {
        var scanner = new FrameScanner(long.MaxValue);
        return scanner.Scan(bytes) == RespProgress.Complete
            ? (int)scanner.Length
            : throw new RedisException(RedisErrorKind.Protocol, "An incomplete RESP frame was parsed.");
    }

    private RedisException Unexpected(string wanted) => new(RedisErrorKind.Protocol, $"The reply is {Kind} where {wanted} was expected.");

    /// <summary>Walks the children in order.</summary>
    public ref struct Enumerator(ReadOnlySpan<byte> children, int count)
    {
        private ReadOnlySpan<byte> _rest = children;
        private int _left = count;
        private int _currentLength;

        /// <summary>The child that was moved to.</summary>
        public readonly RespElement Current => Parse(_rest[.._currentLength]);

        /// <summary>Goes to the next child; false after the last.</summary>
        public bool MoveNext()
        {
            if (_left == 0)
                return false;

            _rest = _rest[_currentLength..];
            _currentLength = LengthOf(_rest);
            _left--;
            return true;
        }
    }
}
