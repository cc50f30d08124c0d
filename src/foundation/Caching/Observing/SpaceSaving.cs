namespace SkyRiff.Caching.Observing;

/// <summary>
/// The most frequent keys of a stream in a fixed number of places: space-saving (Metwally, Agrawal and El Abbadi, 2005). A key's true count is between its
/// count minus its error and its count; every key above total / capacity is there. Not thread-safe.
/// </summary>
internal sealed class SpaceSaving<TKey>(int capacity)
    where TKey : notnull
{
    private readonly Dictionary<TKey, int> _places = new(capacity);
    private readonly (TKey Key, long Count, long Error)[] _counters = new (TKey, long, long)[capacity];
    private int _used;

    public void Add(TKey key, long count)
    {
        if (_places.TryGetValue(key, out var place))
        {
            _counters[place].Count += count;
            return;
        }

        if (_used < capacity)
        {
            _places.Add(key, _used);
            _counters[_used++] = (key, count, 0);
            return;
        }

        // Whoever has the least gives up its place; its count becomes the newcomer's error. Places are few and newcomers are sampled: a scan will do.
        var least = 0;
        for (var index = 1; index < capacity; index++)
        {
            if (_counters[index].Count < _counters[least].Count)
                least = index;
        }

        _places.Remove(_counters[least].Key);
        _places.Add(key, least);
        _counters[least] = (key, _counters[least].Count + count, _counters[least].Count);
    }

    /// <summary>Makes what was less important than what comes.</summary>
    public void Halve()
    {
        for (var index = 0; index < _used; index++)
            _counters[index] = (_counters[index].Key, _counters[index].Count / 2, _counters[index].Error / 2);
    }

    /// <summary>The largest first.</summary>
    public IReadOnlyList<(TKey Key, long Count, long Error)> Top(int count) => [.. _counters.Take(_used).OrderByDescending(counter => counter.Count).Take(count)];
}
