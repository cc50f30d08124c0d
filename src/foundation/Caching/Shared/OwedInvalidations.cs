using System.Collections.Concurrent;

namespace SkyRiff.Caching.Shared;

/// <summary>
/// Invalidations that Redis could not be told. Until it can, this process does not believe what Redis says of these keys. Bounded: when there are too many, it is
/// owed that every family is cleared.
/// </summary>
internal sealed class OwedInvalidations(int max)
{
    private readonly ConcurrentDictionary<string, long> _keys = new();
    private readonly ConcurrentDictionary<string, long> _tags = new();
    private long _additions;
    private int _count;
    private long _overflowedAt;

    public bool IsEmpty => _keys.IsEmpty && _tags.IsEmpty && !HasOverflowed;

    public bool HasOverflowed => Volatile.Read(ref _overflowedAt) != 0;

    /// <summary>Nothing that Redis holds can be believed.</summary>
    public bool CoversAll => !_tags.IsEmpty || HasOverflowed;

    public void AddKey(SharedKey key) => Add(_keys, key.ToString());

    /// <summary>The name on the board, with its <c>f:</c> or <c>u:</c>.</summary>
    public void AddTag(string name) => Add(_tags, name);

    public bool Covers(SharedKey key) => CoversAll || (!_keys.IsEmpty && _keys.ContainsKey(key.ToString()));

    public KeyValuePair<string, long>[] Keys() => [.. _keys];

    public KeyValuePair<string, long>[] Tags() => [.. _tags];

    public long Overflow() => Volatile.Read(ref _overflowedAt);

    /// <summary>Paid; unless it was owed again meanwhile.</summary>
    public void KeyPaid(KeyValuePair<string, long> key) => Paid(_keys, key);

    /// <inheritdoc cref="KeyPaid"/>
    public void TagPaid(KeyValuePair<string, long> tag) => Paid(_tags, tag);

    /// <inheritdoc cref="KeyPaid"/>
    public void OverflowPaid(long seen) => Interlocked.CompareExchange(ref _overflowedAt, 0, seen);

    private void Add(ConcurrentDictionary<string, long> owed, string name)
    {
        var addition = Interlocked.Increment(ref _additions);
        if (Volatile.Read(ref _count) >= max && !owed.ContainsKey(name))
        {
            Volatile.Write(ref _overflowedAt, addition);
            return;
        }

        if (owed.TryAdd(name, addition))
            Interlocked.Increment(ref _count);
        else
            owed[name] = addition;
    }

    private void Paid(ConcurrentDictionary<string, long> owed, KeyValuePair<string, long> item)
    {
        if (owed.TryRemove(item))
            Interlocked.Decrement(ref _count);
    }
}
