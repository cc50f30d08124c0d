namespace SkyRiff.Gateway.Http1;

internal enum ChunkStep : byte
{
    /// <summary>All input was taken; more is needed.</summary>
    NeedMore,

    /// <summary>A run of body bytes lies in the input.</summary>
    Data,

    /// <summary>The body and its trailers ended; the rest of the input is the next message.</summary>
    Complete,

    Refused,
}

/// <summary>
/// Reads the chunked coding (RFC 9112 section 7.1) piece by piece, however the bytes are cut.
/// <code>
///   Size --hex--> Size --";"--> Extension --CR--> SizeEnd --LF--> Data --size bytes--> DataCr --CR--> DataLf --LF--> Size
///                    \--CR----------------------/        \--size 0--> Trailer --empty line--> Done
/// </code>
/// </summary>
internal struct ChunkedDecoder
{
    private const int SizeDigitsMax = 16;

    private readonly HeadLimits _limits;
    private State _state;
    private byte _digits;
    private int _extensionBytes;
    private long _remaining;
    private TrailerSection? _trailers;

    public ChunkedDecoder(HeadLimits limits)
    {
        this = default;
        _limits = limits;
    }

    private enum State : byte
    {
        Size,
        ExtensionName,
        ExtensionNameRest,
        ExtensionValue,
        ExtensionToken,
        ExtensionQuoted,
        ExtensionEscape,
        ExtensionEnd,
        SizeLf,
        Data,
        DataCr,
        DataLf,
        TrailerOrEnd,
        EndLf,
        Trailer,
        Done,
    }

    public Refusal Refusal { get; private set; }

    /// <summary>The trailers, once complete and if there were any.</summary>
    public readonly MessageHead? Trailers => _trailers;

    /// <summary>
    /// Takes bytes from <paramref name="input"/> up to the end of one run of body bytes. Call again with the rest until it needs more.
    /// </summary>
    public ChunkStep Next(ReadOnlySpan<byte> input, out int consumed, out int dataStart, out int dataLength)
    {
        dataStart = dataLength = 0;
        var at = 0;
        while (at < input.Length)
        {
            if (_state == State.Data)
            {
                var take = (int)Math.Min(_remaining, input.Length - at);
                dataStart = at;
                dataLength = take;
                _remaining -= take;
                if (_remaining == 0) _state = State.DataCr;
                consumed = at + take;
                return ChunkStep.Data;
            }
            if (_state == State.Trailer)
            {
                var step = ReadTrailer(input[at..], out var taken);
                consumed = at + taken;
                if (step == ParseStatus.Incomplete) return ChunkStep.NeedMore;
                if (step == ParseStatus.Refused) return ChunkStep.Refused;
                _state = State.Done;
                return ChunkStep.Complete;
            }
            if (_state == State.Done) break;
            if (_state == State.TrailerOrEnd && input[at] != '\r')
            {
                _state = State.Trailer;
                continue;
            }
            Refusal = Advance(input[at]);
            if (Refusal != Refusal.None)
            {
                consumed = at;
                return ChunkStep.Refused;
            }
            at++;
        }
        consumed = at;
        return _state == State.Done ? ChunkStep.Complete : ChunkStep.NeedMore;
    }

    private Refusal Advance(byte value)
    {
        switch (_state)
        {
            case State.Size:
                var digit = HttpBytes.HexDigit(value);
                if (digit >= 0)
                {
                    if (++_digits > SizeDigitsMax) return Refusal.ChunkSizeInvalid;
                    if (_remaining > (long.MaxValue >> 4)) return Refusal.ChunkSizeTooLarge;
                    _remaining = (_remaining << 4) | (long)digit;
                    return _remaining > _limits.ChunkBytesMax ? Refusal.ChunkSizeTooLarge : Refusal.None;
                }
                if (_digits == 0) return value == '\n' ? Refusal.BareLineFeed : Refusal.ChunkSizeInvalid;
                return EndOfSizeOr(value, Refusal.ChunkSizeInvalid);
            case State.SizeLf:
                if (value != '\n') return Refusal.BareCarriageReturn;
                _state = _remaining == 0 ? State.TrailerOrEnd : State.Data;
                return Refusal.None;
            case State.DataCr:
                if (value != '\r') return value == '\n' ? Refusal.BareLineFeed : Refusal.ChunkNotTerminated;
                _state = State.DataLf;
                return Refusal.None;
            case State.DataLf:
                if (value != '\n') return Refusal.ChunkNotTerminated;
                (_state, _digits, _remaining) = (State.Size, 0, 0);
                return Refusal.None;
            case State.TrailerOrEnd:
                _state = State.EndLf;
                return Refusal.None;
            case State.EndLf:
                if (value != '\n') return Refusal.BareCarriageReturn;
                _state = State.Done;
                return Refusal.None;
            default:
                return AdvanceExtension(value);
        }
    }

    /// <summary><c>;name[=token|"quoted"]</c>, without the blanks around that only old servers wrote.</summary>
    private Refusal AdvanceExtension(byte value)
    {
        if (++_extensionBytes > _limits.ChunkExtensionBytesMax) return Refusal.ChunkExtensionTooLong;
        var isToken = HttpBytes.Token.Contains(value);
        switch (_state)
        {
            case State.ExtensionName:
                _state = State.ExtensionNameRest;
                return isToken ? Refusal.None : BrokenExtension(value);
            case State.ExtensionNameRest:
                if (isToken) return Refusal.None;
                if (value != '=') return EndOfSizeOr(value, Refusal.ChunkExtensionInvalid);
                _state = State.ExtensionValue;
                return Refusal.None;
            case State.ExtensionValue:
                _state = value == '"' ? State.ExtensionQuoted : State.ExtensionToken;
                return isToken || value == '"' ? Refusal.None : BrokenExtension(value);
            case State.ExtensionToken:
                return isToken ? Refusal.None : EndOfSizeOr(value, Refusal.ChunkExtensionInvalid);
            case State.ExtensionQuoted:
                if (HttpBytes.Control.Contains(value)) return BrokenExtension(value);
                if (value == '\\') _state = State.ExtensionEscape;
                else if (value == '"') _state = State.ExtensionEnd;
                return Refusal.None;
            case State.ExtensionEscape:
                _state = State.ExtensionQuoted;
                return HttpBytes.Control.Contains(value) ? BrokenExtension(value) : Refusal.None;
            default:
                return EndOfSizeOr(value, Refusal.ChunkExtensionInvalid);
        }
    }

    private Refusal EndOfSizeOr(byte value, Refusal otherwise)
    {
        if (value == '\r') _state = State.SizeLf;
        else if (value == ';') _state = State.ExtensionName;
        else return value == '\n' ? Refusal.BareLineFeed : otherwise;
        return Refusal.None;
    }

    private static Refusal BrokenExtension(byte value) => value == '\n' ? Refusal.BareLineFeed : Refusal.ChunkExtensionInvalid;

    private ParseStatus ReadTrailer(ReadOnlySpan<byte> input, out int taken)
    {
        _trailers ??= new TrailerSection(_limits);
        var status = _trailers.Take(input, out taken);
        Refusal = _trailers.Refusal;
        return status;
    }
}

/// <summary>Trailers are rare, so they may allocate: the lines are gathered, and read when a line ends.</summary>
internal sealed class TrailerSection(HeadLimits limits) : MessageHead(Math.Min(limits.FieldCountMax, 32))
{
    private readonly byte[] _bytes = new byte[limits.TrailerBytesMax];
    private int _length;

    public ParseStatus Take(ReadOnlySpan<byte> input, out int taken)
    {
        for (taken = 0; taken < input.Length;)
        {
            if (_length == _bytes.Length) return FieldParser.Refuse(this, Refusal.TrailerTooLarge);
            var value = input[taken++];
            _bytes[_length++] = value;
            if (value != '\n') continue;

            Begin(_bytes);
            var position = 0;
            var status = FieldParser.ReadFields(this, _length, limits, ref position);
            if (status == ParseStatus.Incomplete) continue;
            return status == ParseStatus.Complete ? JudgeNames() : status;
        }
        return ParseStatus.Incomplete;
    }

    private ParseStatus JudgeNames()
    {
        for (var i = 0; i < FieldCount; i++)
        {
            if (KnownFields.IsForbiddenInTrailer(Fields[i].Known)) return FieldParser.Refuse(this, Refusal.TrailerForbidden);
        }
        return ParseStatus.Complete;
    }
}
