namespace SkyRiff.Kernel;

/// <summary>At most <paramref name="max"/> inside at a time of each key, so that one user cannot take what all share. Who is not inside is not remembered. Thread-safe.</summary>
public sealed class PlacesPerKey<TKey>(int max)
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, int> _inside = [];

    /// <summary>Takes a place, which <see cref="Leave"/> gives back; false when the key has none left.</summary>
    public bool TryEnter(TKey key)
    {
        lock (_lock)
        {
            var own = _inside.GetValueOrDefault(key);
            if (own >= max) return false;
            _inside[key] = own + 1;
            return true;
        }
    }

    public void Leave(TKey key)
    {
        lock (_lock)
        {
            var left = _inside[key] - 1;
            if (left == 0) _inside.Remove(key);
            else _inside[key] = left;
        }
    }
}
