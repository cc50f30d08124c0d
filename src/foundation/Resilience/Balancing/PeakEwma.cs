namespace SkyRiff.Resilience.Balancing;

/// <summary>
/// An average of latencies that jumps to every peak and forgets it with a half-life (Finagle's peak EWMA): one slow answer is believed at once, fast ones
/// have to add up. Without new samples it fades towards zero, so that who was slow is tried again.
/// </summary>
internal sealed class PeakEwma(TimeSpan decay)
{
    private readonly Lock _lock = new();
    private readonly double _decay = MonotonicClock.Nanoseconds(decay);
    private double _value;
    private long _at;

    public double Value(long now)
    {
        lock (_lock) return _value * Math.Exp(-Math.Max(0, now - _at) / _decay);
    }

    public void Observe(long duration, long now)
    {
        lock (_lock)
        {
            var keep = Math.Exp(-Math.Max(0, now - _at) / _decay);
            var faded = _value * keep;
            _value = duration >= faded ? duration : faded + ((1 - keep) * duration);
            _at = Math.Max(_at, now);
        }
    }
}
