namespace SkyRiff.Kernel;

/// <summary>Lets something happen once per <paramref name="period"/> and counts what it kept back: for log lines that strangers can cause. Thread-safe.</summary>
public sealed class Seldom(TimeProvider time, TimeSpan period)
{
    private readonly Lock _lock = new();
    private long? _last;
    private long _keptBack;

    /// <summary>True when it is time; <paramref name="keptBack"/> then says how many times it was not, since the last true.</summary>
    public bool IsTime(out long keptBack)
    {
        lock (_lock)
        {
            keptBack = _keptBack;
            var now = time.GetTimestamp();
            if (_last is { } last && time.GetElapsedTime(last, now) < period)
            {
                _keptBack++;
                return false;
            }
            (_last, _keptBack) = (now, 0);
            return true;
        }
    }
}
