using System.Buffers.Text;

namespace SkyRiff.Resilience.Calls;

/// <summary>
/// The moment after which nobody waits for the answer. Between processes it travels as what remains (<see cref="FieldName"/>, whole
/// milliseconds), since clocks differ: the hop's own delay is lost, never gained. The default is none.
/// </summary>
public readonly record struct Deadline
{
    /// <summary>The request header field; decimal milliseconds, at most nine digits.</summary>
    public const string FieldName = "Deadline-Ms";

    private const long NanosecondsPerMillisecond = 1_000_000;

    private readonly long _at; // zero is none

    private Deadline(long at) => _at = at;

    /// <summary>Nobody leaves.</summary>
    public static Deadline None => default;

    public bool IsNone => _at == 0;

    /// <summary><paramref name="now"/> in nanoseconds of a <see cref="MonotonicClock"/>, here and below.</summary>
    public static Deadline After(TimeSpan duration, long now)
    {
        var length = Math.Max(0, MonotonicClock.Nanoseconds(duration));
        if (length > long.MaxValue - now) return None;
        var at = now + length;
        return new(at == 0 ? -1 : at);
    }

    public bool HasPassed(long now) => _at != 0 && now >= _at;

    /// <summary>Zero when it has passed, <see cref="TimeSpan.MaxValue"/> when there is none.</summary>
    public TimeSpan Remaining(long now) => _at == 0 ? TimeSpan.MaxValue : MonotonicClock.Duration(Math.Max(0, _at - now));

    /// <summary>Whichever comes first.</summary>
    public Deadline Sooner(Deadline other) => _at == 0 ? other : other._at == 0 ? this : new(Math.Min(_at, other._at));

    /// <summary>At most <paramref name="limit"/> from now: a hop's own time limit.</summary>
    public Deadline Within(TimeSpan limit, long now) => Sooner(After(limit, now));

    /// <summary>Earlier by what this hop needs to answer after its callee did.</summary>
    public Deadline Less(TimeSpan reserve)
    {
        if (_at == 0) return this;
        var at = _at - MonotonicClock.Nanoseconds(reserve);
        return new(at == 0 ? -1 : at);
    }

    /// <summary>
    /// Reads <see cref="FieldName"/>'s value: one to nine digits and nothing else. Who believes it bounds it with <see cref="Within"/>.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> value, long now, out Deadline deadline)
    {
        deadline = None;
        if (value.Length is 0 or > 9) return false;
        long milliseconds = 0;
        foreach (var digit in value)
        {
            if (digit is < (byte)'0' or > (byte)'9') return false;
            milliseconds = (milliseconds * 10) + (digit - '0');
        }
        deadline = After(TimeSpan.FromMilliseconds(milliseconds), now);
        return true;
    }

    /// <summary>
    /// Writes <see cref="FieldName"/>'s value, rounded down; zero when it has passed. False when there is no deadline to write or no room for nine digits.
    /// </summary>
    public bool TryFormat(long now, Span<byte> destination, out int written)
    {
        written = 0;
        if (_at == 0 || destination.Length < 9) return false;
        var milliseconds = Math.Clamp((_at - now) / NanosecondsPerMillisecond, 0, 999_999_999);
        return Utf8Formatter.TryFormat(milliseconds, destination, out written);
    }

    /// <summary>Reads a <c>grpc-timeout</c> (gRPC over HTTP/2: at most eight digits and one of H, M, S, m, u, n).</summary>
    public static bool TryParseGrpcTimeout(ReadOnlySpan<byte> value, long now, out Deadline deadline)
    {
        deadline = None;
        if (value.Length is < 2 or > 9) return false;
        long unit = value[^1] switch
        {
            (byte)'H' => 3_600_000_000_000,
            (byte)'M' => 60_000_000_000,
            (byte)'S' => 1_000_000_000,
            (byte)'m' => 1_000_000,
            (byte)'u' => 1_000,
            (byte)'n' => 1,
            _ => 0,
        };
        if (unit == 0) return false;
        long amount = 0;
        foreach (var digit in value[..^1])
        {
            if (digit is < (byte)'0' or > (byte)'9') return false;
            amount = (amount * 10) + (digit - '0');
        }
        if (amount > (long.MaxValue / 4) / unit) return true; // 73 years: as good as none
        var at = now + (amount * unit);
        deadline = new(at == 0 ? -1 : at);
        return true;
    }
}
