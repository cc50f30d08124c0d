using System.Collections.Concurrent;
using SkyRiff.Caching.Local;
using SkyRiff.Caching.Shared;

namespace SkyRiff.Caching.Loading;

/// <summary>The look-ups of a family that are under way: at most one per key that callers may join.</summary>
internal sealed class FlightTable<TKey, TValue>(CacheCore core)
    where TKey : notnull
    where TValue : class
{
    private readonly ConcurrentDictionary<TKey, Flight<TKey, TValue>> _flights = new();

    public int Count => _flights.Count;

    /// <summary>
    /// The flight of the key with the caller counted in, and whether it is a new one, which is in the group and has to be flown. One that an invalidation overtook
    /// goes on for those who are in it, and is not joined.
    /// </summary>
    public (Flight<TKey, TValue> Flight, bool IsNew) Join(TKey key, SharedKey shared, FlightGroup<TKey, TValue> group, CacheEntry<TKey, TValue>? renewed = null)
    {
        while (true)
        {
            _flights.TryGetValue(key, out var there);
            if (there is not null && IsCurrent(there) && there.TryJoin())
                return (there, false);

            var mine = new Flight<TKey, TValue>(key, shared, core.Versions[shared.Slot], core.Trust.Epoch, core.Tier.Clock.Advance(), group) { Renews = renewed };
            if (there is null ? !_flights.TryAdd(key, mine) : !_flights.TryUpdate(key, mine, there))
                continue;
            group.Add(mine);
            return (mine, true);
        }
    }

    /// <summary>Whether what it brings is no older than the bound on old values allows: no invalidation overtook it, or none could and it is young.</summary>
    public bool IsCurrent(Flight<TKey, TValue> flight) =>
        flight.Version == core.Versions[flight.Shared.Slot] && flight.Epoch == core.Trust.Epoch
        && (TrustEpoch.IsAttachedIn(flight.Epoch) || core.Tier.Clock.NowMs - flight.SinceMs <= core.Options.DetachedLifetime.TotalMilliseconds);

    public void Remove(Flight<TKey, TValue> flight) => _flights.TryRemove(KeyValuePair.Create(flight.Key, flight));
}
