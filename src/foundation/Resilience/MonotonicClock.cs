namespace SkyRiff.Resilience;

/// <summary>
/// Turns a <see cref="TimeProvider"/>'s timestamps into nanoseconds, the one unit that every decision of this library is given. The zero is
/// arbitrary; only differences mean anything, and the clock never goes back.
/// </summary>
public sealed class MonotonicClock(TimeProvider time)
{
    public const long NanosecondsPerSecond = 1_000_000_000;

    private const long NanosecondsPerMillisecond = 1_000_000;

    private readonly long _frequency = time.TimestampFrequency;

    /// <summary>On Linux both are CLOCK_MONOTONIC, one of them read without asking the hardware.</summary>
    private readonly bool _hasTicks = OperatingSystem.IsLinux() && ReferenceEquals(time, TimeProvider.System);

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

    /// <summary>
    /// <see cref="Now"/> at the last tick of the system's timer: never ahead of it, and up to 16 ms behind, at a quarter of the price. For decisions that such a delay
    /// does not change, such as those of a limiter in memory. The same as <see cref="Now"/> where the system has no such clock of the same zero, and under any other <see cref="TimeProvider"/>.
    /// </summary>
    public long Coarse => _hasTicks ? Environment.TickCount64 * NanosecondsPerMillisecond : Now;

    /// <summary>A duration in the unit of <see cref="Now"/>; saturates after 292 years.</summary>
    public static long Nanoseconds(TimeSpan duration) =>
        duration.Ticks >= long.MaxValue / TimeSpan.NanosecondsPerTick ? long.MaxValue : duration.Ticks * TimeSpan.NanosecondsPerTick;

    /// <summary>The reverse of <see cref="Nanoseconds"/>, rounded up, so that who waits that long does not come too early.</summary>
    public static TimeSpan Duration(long nanoseconds) =>
        new((nanoseconds / TimeSpan.NanosecondsPerTick) + (nanoseconds % TimeSpan.NanosecondsPerTick > 0 ? 1 : 0));
}
