namespace SkyRiff.Redis.Protocol;

/// <summary>
/// Finds where one RESP frame ends, however its bytes are cut. It remembers how far it came, so that feeding a frame in pieces costs the same as
/// feeding it whole, and it counts the elements still owed instead of nesting, so that depth costs nothing:
/// <code>
///   owed = 1;  every element pays one;  an aggregate of n adds n;  an attribute adds its children and pays nothing (it precedes a value)
/// </code>
/// Streamed (unknown length) RESP3 types are malformed here: no Redis sends them.
/// </summary>
public struct FrameScanner(long frameBytesMax)
{
    /// <summary>The shortest element ("+\r\n"), which bounds how many elements a frame of limited size can owe.</summary>
    private const int ElementBytesMin = 3;

    private long _owed;

    /// <summary>Bytes of the frame known to be well formed; the frame's length once complete.</summary>
    public long Length { get; private set; }

    /// <summary>A lower bound of the frame's final length, for whoever sizes the buffer.</summary>
    public long LengthAtLeast { get; private set; }

    /// <summary>Begins with a new frame.</summary>
    public void Reset() => (_owed, Length, LengthAtLeast) = (0, 0, 0);

    /// <summary>Goes on with <paramref name="frame"/>, which starts at the frame's first byte and is at least as long as in the last call.</summary>
    public RespProgress Scan(ReadOnlySpan<byte> frame)
    {
        if (_owed == 0 && Length == 0)
            _owed = 1;

        while (_owed > 0)
        {
            var progress = RespHeader.TryRead(frame[(int)Length..], out var header);
            if (progress != RespProgress.Complete)
                return progress;

            var end = Length + header.Length;
            if (header.HasPayload)
            {
                end += header.Number + 2;
                if (end > frameBytesMax)
                    return RespProgress.Malformed;
                LengthAtLeast = end;
                if (frame.Length < end)
                    return RespProgress.NeedMore;
                if (frame[(int)end - 2] != '\r' || frame[(int)end - 1] != '\n')
                    return RespProgress.Malformed;
            }

            if (header.Kind != RespKind.Attribute)
                _owed--;
            if (header.IsAggregate && header.Number > 0)
                _owed += header.Number;

            Length = end;
            LengthAtLeast = end + (_owed * ElementBytesMin);
            if (LengthAtLeast > frameBytesMax)
                return RespProgress.Malformed;
        }

        return RespProgress.Complete;
    }
}
