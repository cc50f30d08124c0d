namespace SkyRiff.Redis.Connections;

/// <summary>
/// A bounded pool with a small stack per thread, so that what a continuation gives back is what its next command takes, still warm and without a
/// lock. Threads that only take, or only give, trade half a stack at a time through a shared store; when that is full, objects go to the collector.
/// </summary>
internal static class ThreadCachedPool<T>
    where T : class, new()
{
    private const int PerThreadMax = 64;
    private const int SharedMax = 16 * 1024;

    private static readonly Lock SharedLock = new();
    private static readonly T[] Shared = new T[SharedMax];
    private static int _sharedCount;

    [ThreadStatic]
    private static T[]? _local;

    [ThreadStatic]
    private static int _localCount;

    public static T Rent()
    {
        var local = _local ??= new T[PerThreadMax];
        if (_localCount == 0 && !TryRefill(local))
            return new T();
        return local[--_localCount];
    }

    public static void Return(T item)
    {
        var local = _local ??= new T[PerThreadMax];
        if (_localCount == PerThreadMax)
            Spill(local);
        local[_localCount++] = item;
    }

    private static bool TryRefill(T[] local)
    {
        lock (SharedLock)
        {
            var count = Math.Min(PerThreadMax / 2, _sharedCount);
            _sharedCount -= count;
            Array.Copy(Shared, _sharedCount, local, 0, count);
            _localCount = count;
            return count > 0;
        }
    }

    private static void Spill(T[] local)
    {
        lock (SharedLock)
        {
            const int half = PerThreadMax / 2;
            _localCount -= half;
            var count = Math.Min(half, SharedMax - _sharedCount);
            Array.Copy(local, _localCount, Shared, _sharedCount, count);
            _sharedCount += count;
        }
    }
}
