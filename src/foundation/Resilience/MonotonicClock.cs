namespace SkyRiff.Resilience;

/// <summary>
/// Turns a <see cref="TimeProvider"/>'s timestamps into nanoseconds, the one unit that every decision of this library is given. The zero is
/// arbitrary; only differences mean anything, and the clock never goes back.
/// </summary>
public sealed class MonotonicClock(TimeProvider time)
{
    public const long NanosecondsPerSecond = 1_000_000_000;

    private readonly long _frequency = time.TimestampFrequency;

    /// <summary>Where the timestamps come from; timers that belong to the same decisions must use it too.</summary>
    public TimeProvider Time { get; } = time;

    /// <summary>Now, in nanoseconds.</summary>
    public long Now
    {
        get
        {
            var timestamp = Time.GetTimestamp();
            return _frequency == NanosecondsPerSecond ? timestamp : (long)((Int128)timestamp * NanosecondsPerSecond / _frequency);
        }
    }

    /// <summary>A duration in the unit of <see cref="Now"/>; saturates after 292 years.</summary>
    public static long Nanoseconds(TimeSpan duration) =>
        duration.Ticks >= long.MaxValue / TimeSpan.NanosecondsPerTick ? long.MaxValue : duration.Ticks * TimeSpan.NanosecondsPerTick;

    /// <summary>The reverse of <see cref="Nanoseconds"/>, rounded up, so that who waits that long does not come too early.</summary>
    public static TimeSpan Duration(long nanoseconds) =>
        new((nanoseconds / TimeSpan.NanosecondsPerTick) + (nanoseconds % TimeSpan.NanosecondsPerTick > 0 ? 1 : 0));
}
