using System.Collections.Concurrent;

namespace SkyRiff.Caching;

/// <summary>Makes loaders.</summary>
public static class CacheLoad
{
    /// <summary>A loader over a source that answers one key at a time (null: does not exist), with at most <paramref name="atOnce"/> questions at once.</summary>
    public static Func<IReadOnlyList<TKey>, CancellationToken, Task<IReadOnlyDictionary<TKey, TValue>>> Each<TKey, TValue>(
        Func<TKey, CancellationToken, Task<TValue?>> load, int atOnce = 8)
        where TKey : notnull
        where TValue : class
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(atOnce, 1);
        return async (keys, cancellation) =>
        {
            if (keys.Count == 1)
                return await load(keys[0], cancellation) is { } only ? new Dictionary<TKey, TValue> { [keys[0]] = only } : [];

            var values = new ConcurrentDictionary<TKey, TValue>();
            await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellation }, async (key, token) =>
            {
                if (await load(key, token) is { } value)
                    values[key] = value;
            });
            return values;
        };
    }
}
