using SkyRiff.Caching.Tags;

namespace SkyRiff.Caching.Local;

/// <summary>
/// A value in the local tier. Fresh until <see cref="RefreshAt"/>; from there to <see cref="FreshUntil"/> it still serves while one caller renews it; to
/// <see cref="LocalEntry.DeadAt"/> it serves only when the source fails. A null value is the knowledge that there is nothing.
/// </summary>
internal sealed class CacheEntry<TKey, TValue>(LocalTable<TKey, TValue> table, TKey key, TValue? value, ulong hash, int weight) : LocalEntry(hash, weight)
    where TKey : notnull
    where TValue : class
{
    private long _refreshAt;

    public TKey Key { get; } = key;

    public TValue? Value { get; } = value;

    /// <summary>The trust it was stored under; another one now means that invalidations may have been missed.</summary>
    public required int Epoch { get; init; }

    /// <summary>Where invalidations of its key are counted (see <see cref="Watching.KeyVersions"/>), and how many there were before it was read.</summary>
    public required int Slot { get; init; }

    /// <inheritdoc cref="Slot"/>
    public required int Version { get; init; }

    /// <summary>The tag clock before it was read from the source; see <see cref="TagState"/>.</summary>
    public required long Stamp { get; init; }

    /// <summary>Null when it has none but its family's.</summary>
    public TagState[]? Tags { get; init; }

    /// <summary>In the tier's milliseconds.</summary>
    public long RefreshAt
    {
        get => Volatile.Read(ref _refreshAt);
        set => Volatile.Write(ref _refreshAt, value);
    }

    public required long FreshUntil { get; set; }

    /// <summary>Identity of the Redis value it came from; zero when it came from the source.</summary>
    public long Nonce { get; init; }

    public int PayloadBytes { get; init; }

    /// <summary>Set by whoever may renew it early; one at a time.</summary>
    public int IsBeingRenewed;

    public bool TagsHold()
    {
        if (Tags is null)
            return true;
        foreach (var tag in Tags)
        {
            if (tag.Generation > Stamp)
                return false;
        }

        return true;
    }

    public override void Unlist() => table.Unlist(this);
}
