namespace SkyRiff.Caching.Shared;

/// <summary>
/// Leaves Redis alone after failures in a row, so that an outage costs callers nothing:
/// <code>
///   closed --failures in a row--> open: nobody asks --pause over--> one asks --ok--> closed
///                                   ^-------------- failed, or not back within a pause --/
/// </code>
/// Any success closes it. A small one of its own, since the library of breakers stands beside this one and not below it.
/// </summary>
internal sealed class RedisBreaker(int failuresMax, TimeSpan pause, TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _pausedAt;
    private int _failures;

    public bool IsOpen => Volatile.Read(ref _failures) >= failuresMax;

    public bool TryEnter()
    {
        if (!IsOpen)
            return true;
        lock (_lock)
        {
            if (!IsOpen)
                return true;
            if (time.GetElapsedTime(_pausedAt) < pause)
                return false;
            _pausedAt = time.GetTimestamp();
            return true;
        }
    }

    public void Succeeded()
    {
        if (Volatile.Read(ref _failures) != 0)
            Volatile.Write(ref _failures, 0);
    }

    public void Failed()
    {
        lock (_lock)
        {
            _failures = Math.Min(_failures + 1, failuresMax);
            if (IsOpen)
                _pausedAt = time.GetTimestamp();
        }
    }
}
