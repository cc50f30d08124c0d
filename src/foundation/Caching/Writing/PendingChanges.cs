namespace SkyRiff.Caching.Writing;

/// <summary>
/// The changes that wait, merged per key, in the order in which their keys came; pure and not thread-safe, time is given.
/// <code>
///   Put -> [ waiting: key -> merged change, since ] -- Take, when due --> [ a batch ] -- Written | Dropped -->
///              ^ a key whose batch is being written waits here again with its newer changes
/// </code>
/// </summary>
internal sealed class PendingChanges<TKey, TChange>(int keysMax, int batchMax, Func<TChange, TChange, TChange> merge)
    where TKey : notnull
{
    private readonly Dictionary<TKey, (TChange Change, long Since)> _waiting = [];
    private readonly Queue<TKey> _order = new();
    private int _writing;
    private long _writingSince;

    public int Count => _waiting.Count + _writing;

    public bool IsBatchFull => _waiting.Count >= batchMax;

    /// <summary>Since when the oldest waits that is not in a batch; null when none does.</summary>
    public long? WaitingSince => _order.TryPeek(out var oldest) ? _waiting[oldest].Since : null;

    /// <summary>The same with the batch that is being written.</summary>
    public long? Since => _writing > 0 ? _writingSince : WaitingSince;

    public bool TryPut(TKey key, TChange change, long now)
    {
        if (_waiting.TryGetValue(key, out var old))
        {
            _waiting[key] = (merge(old.Change, change), old.Since);
            return true;
        }

        if (Count >= keysMax)
            return false;
        _waiting.Add(key, (change, now));
        _order.Enqueue(key);
        return true;
    }

    /// <summary>The oldest keys, for one write at a time.</summary>
    public List<KeyValuePair<TKey, TChange>> Take()
    {
        _writingSince = WaitingSince ?? 0;
        var batch = new List<KeyValuePair<TKey, TChange>>(Math.Min(batchMax, _waiting.Count));
        while (batch.Count < batchMax && _order.TryDequeue(out var key))
        {
            _waiting.Remove(key, out var waiting);
            batch.Add(KeyValuePair.Create(key, waiting.Change));
        }

        _writing = batch.Count;
        return batch;
    }

    /// <summary>So many keys of the batch are settled, one way or the other.</summary>
    public void Settle(int keys) => _writing -= keys;
}
