namespace SkyRiff.Caching.Local;

/// <summary>
/// Milliseconds since the tier began, read with one load: asking the operating system would cost more than the rest of a hit. Whoever does something slow
/// advances it, and so does the tier's timer, so it is at most <see cref="StepMs"/> late while the timer runs in time.
/// </summary>
internal sealed class CoarseClock(TimeProvider time)
{
    public const int StepMs = 50;

    private readonly long _began = time.GetTimestamp();
    private long _nowMs;

    public long NowMs => Volatile.Read(ref _nowMs);

    /// <summary>Asks the real clock.</summary>
    public long Advance()
    {
        var now = (long)time.GetElapsedTime(_began).TotalMilliseconds;
        if (now > NowMs)
            Volatile.Write(ref _nowMs, now);
        return now;
    }
}
