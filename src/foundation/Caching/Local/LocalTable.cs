using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SkyRiff.Caching.Observing;
using SkyRiff.Caching.Tags;
using SkyRiff.Caching.Watching;

namespace SkyRiff.Caching.Local;

/// <summary>One family's entries in the local tier, by key.</summary>
internal sealed class LocalTable<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    /// <summary>One hit in so many is looked at for hot keys.</summary>
    private const int HotSampleMask = 63;

    private readonly ConcurrentDictionary<TKey, CacheEntry<TKey, TValue>> _entries = new();
    private readonly CoarseClock _clock;
    private readonly LocalTier _tier;
    private readonly TrustEpoch _trust;
    private readonly KeyVersions _versions;
    private readonly TagState _familyTag;
    private readonly HotKeys<TKey> _hot;
    private readonly ulong _seed;

    public LocalTable(LocalTier tier, TrustEpoch trust, KeyVersions versions, TagState familyTag, HotKeys<TKey> hot, ulong seed)
    {
        (_tier, _trust, _versions, _familyTag, _hot, _seed) = (tier, trust, versions, familyTag, hot, seed);
        _clock = tier.Clock;
    }

    public StripedCounter Hits { get; } = new();

    public StripedCounter Misses { get; } = new();

    /// <summary>Hits of which the answer was that there is nothing.</summary>
    public StripedCounter NegativeHits { get; } = new();

    public int Count => _entries.Count;

    /// <summary>The hot path: a fresh and trusted entry. Takes no lock, allocates nothing, writes one byte of the entry at most and one counter of this processor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryHit(TKey key, out TValue? value)
    {
        if (_entries.TryGetValue(key, out var entry) && _clock.NowMs < entry.RefreshAt && IsTrusted(entry))
        {
            OnHit(entry);
            value = entry.Value;
            return true;
        }

        value = null;
        return false;
    }

    /// <summary>What a hit leaves behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void OnHit(CacheEntry<TKey, TValue> entry)
    {
        entry.Touch();
        if ((Hits.Increment() & HotSampleMask) == 0)
            _hot.Sample(entry.Key, HotSampleMask + 1);
        if (entry.Value is null)
            NegativeHits.Increment();
    }

    /// <summary>Whatever is there, fresh or not, trusted or not.</summary>
    public bool TryPeek(TKey key, [NotNullWhen(true)] out CacheEntry<TKey, TValue>? entry) => _entries.TryGetValue(key, out entry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsTrusted(CacheEntry<TKey, TValue> entry) =>
        entry.Epoch == _trust.Epoch && entry.Version == _versions[entry.Slot] && entry.Stamp >= _familyTag.Generation && (entry.Tags is null || entry.TagsHold());

    public ulong HashOf(TKey key) => LocalTier.HashOf(key.GetHashCode(), _seed);

    /// <summary>Lists the entry in place of another one of its key; answers false when it is too large for the tier.</summary>
    public bool Store(CacheEntry<TKey, TValue> entry)
    {
        if (!_tier.Fits(entry.Weight))
        {
            Remove(entry.Key);
            return false;
        }

        while (true)
        {
            if (_entries.TryGetValue(entry.Key, out var old))
            {
                if (!_entries.TryUpdate(entry.Key, entry, old))
                    continue;
                _tier.Remove(old);
            }
            else if (!_entries.TryAdd(entry.Key, entry))
            {
                continue;
            }

            _tier.Add(entry);
            return true;
        }
    }

    public bool Remove(TKey key)
    {
        if (!_entries.TryRemove(key, out var entry))
            return false;
        _tier.Remove(entry);
        return true;
    }

    /// <summary>Removes just this entry, not a successor.</summary>
    public void Remove(CacheEntry<TKey, TValue> entry)
    {
        if (_entries.TryRemove(KeyValuePair.Create(entry.Key, entry)))
            _tier.Remove(entry);
    }

    public void Clear()
    {
        foreach (var (key, _) in _entries)
            Remove(key);
    }

    /// <summary>Called by the tier, which has forgotten it already.</summary>
    public void Unlist(CacheEntry<TKey, TValue> entry) => _entries.TryRemove(KeyValuePair.Create(entry.Key, entry));
}
