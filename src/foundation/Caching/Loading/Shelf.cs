using System.Buffers;
using System.Text;
using SkyRiff.Caching.Local;
using SkyRiff.Caching.Payloads;
using SkyRiff.Caching.Shared;
using SkyRiff.Caching.Tags;

namespace SkyRiff.Caching.Loading;

/// <summary>A value from the source in the form that both tiers take: bytes with their envelope, and for how long. Without Redis there are no bytes.</summary>
internal readonly record struct Packed(byte[] Bytes, int PayloadBytes, long Nonce, long FreshMs, long StaleMs)
{
    public TimeSpan Lifetime => TimeSpan.FromMilliseconds(FreshMs + StaleMs);
}

/// <summary>How a family's values get into both tiers: names, bytes, lifetimes, weights.</summary>
internal sealed class Shelf<TKey, TValue>(CacheCore core, CacheFamilyOptions<TKey, TValue> options, LocalTable<TKey, TValue> table)
    where TKey : notnull
    where TValue : class
{
    private const int SharedKeyBytesMax = 512;

    /// <summary>An entry's own fields, its place in the dictionary and the key, on a 64-bit machine.</summary>
    private const int EntryBytes = 220;

    private readonly byte[] _prefix = Encoding.UTF8.GetBytes($"{core.Options.Prefix}:v:{options.Name}:");

    public SharedKey KeyOf(TKey key)
    {
        var text = options.KeyText(key);
        var length = _prefix.Length + Encoding.UTF8.GetByteCount(text);
        if (text.Length == 0 || length > SharedKeyBytesMax)
            throw new ArgumentException($"A key's text has 1 to {SharedKeyBytesMax - _prefix.Length} bytes.", nameof(key));
        var bytes = new byte[length];
        _prefix.CopyTo(bytes, 0);
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(_prefix.Length));
        return new SharedKey(bytes, core.Versions.SlotOf(bytes));
    }

    public TagState[]? TagsOf(TKey key, TValue? value) => options.Tags is null ? null : core.Tags.Of(options.Tags(key, value));

    public Packed Pack(TValue? value, long stamp)
    {
        var fresh = Jittered(value is null ? options.NegativeLifetime : options.Lifetime);
        var stale = value is null ? 0 : (long)options.StaleIfErrorMax.TotalMilliseconds;
        var nonce = core.NewNonce();
        if (core.Redis is null && (value is null || options.Weigh is not null))
            return new Packed([], 0, 0, fresh, stale);

        var payload = new ArrayBufferWriter<byte>();
        if (value is not null)
            options.Payload.Write(value, payload);
        var kind = value is null ? EnvelopeKind.Absent : EnvelopeKind.Value;
        var envelope = new Envelope(kind, nonce, stamp, core.UtcNowMs, (uint)fresh, options.Payload.Version);
        return new Packed(core.Redis is null ? [] : envelope.Write(payload.WrittenSpan), payload.WrittenCount, nonce, fresh, stale);
    }

    /// <summary>
    /// Takes a value into the local tier under the version and epoch that were taken before it was read. Where invalidations by others would not be
    /// recognised (they are not heard, or the tag clock is not known), it stays briefly.
    /// </summary>
    public void Keep(TKey key, SharedKey shared, TValue? value, in Keeping keeping)
    {
        if (keeping.FreshMs <= 0)
            return;
        var now = core.Tier.Clock.Advance();
        var knowsTags = TrustEpoch.IsAttachedIn(keeping.Epoch) && keeping.Stamp >= 0;
        var isBrief = keeping.IsBrief || !knowsTags;
        var freshUntil = now + keeping.FreshMs;
        if (isBrief)
            freshUntil = Math.Min(freshUntil, keeping.SinceMs + (long)core.Options.DetachedLifetime.TotalMilliseconds);
        if (freshUntil <= now)
            return;
        var window = isBrief || value is null ? 0 : (long)(options.EarlyRefresh * options.Lifetime.TotalMilliseconds);
        var refreshAt = window == 0 || keeping.IsStale ? freshUntil : Math.Max(now, freshUntil - (long)(window * core.Entropy.NextDouble()));
        var weight = EntryBytes + shared.Bytes.Length + (value is null ? 0 : options.Weigh?.Invoke(value) ?? (2 * keeping.PayloadBytes));
        table.Store(new CacheEntry<TKey, TValue>(table, key, value, table.HashOf(key), weight)
        {
            Epoch = keeping.Epoch,
            Slot = shared.Slot,
            Version = keeping.Version,
            Stamp = knowsTags ? keeping.Stamp : long.MaxValue,
            Tags = knowsTags ? TagsOf(key, value) : null,
            Nonce = keeping.Nonce,
            PayloadBytes = keeping.PayloadBytes,
            RefreshAt = refreshAt,
            FreshUntil = freshUntil,
            DeadAt = isBrief ? freshUntil : freshUntil + keeping.StaleMs,
        });
    }

    private long Jittered(TimeSpan lifetime) => (long)(lifetime.TotalMilliseconds * (1 - (options.Jitter * core.Entropy.NextDouble())));
}

/// <summary>What is known of a value that goes into the local tier.</summary>
internal readonly record struct Keeping(int Epoch, int Version, long Stamp, long Nonce, int PayloadBytes, long FreshMs, long StaleMs)
{
    public bool IsBrief { get; init; }

    /// <summary>When it was asked for, by the tier's clock.</summary>
    public required long SinceMs { get; init; }

    /// <summary>Past its freshness, served because the source failed.</summary>
    public bool IsStale { get; init; }
}
