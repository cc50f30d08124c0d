namespace SkyRiff.Caching.Observing;

/// <summary>The family's most asked-for keys lately, from samples. A sample that finds somebody else at work is dropped.</summary>
internal sealed class HotKeys<TKey>
    where TKey : notnull
{
    private const int Places = 64;

    /// <summary>Requests between two halvings.</summary>
    private const long HalveEvery = 1_000_000;

    private readonly Lock _lock = new();
    private readonly SpaceSaving<TKey> _sketch = new(Places);
    private long _sinceHalving;

    public void Sample(TKey key, int stands)
    {
        if (!_lock.TryEnter())
            return;
        try
        {
            _sketch.Add(key, stands);
            _sinceHalving += stands;
            if (_sinceHalving < HalveEvery)
                return;
            _sketch.Halve();
            _sinceHalving = 0;
        }
        finally
        {
            _lock.Exit();
        }
    }

    public IReadOnlyList<(TKey Key, long Count, long Error)> Top(int count)
    {
        lock (_lock)
            return _sketch.Top(count);
    }
}
