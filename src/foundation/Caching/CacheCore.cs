using Microsoft.Extensions.Logging;
using SkyRiff.Caching.Loading;
using SkyRiff.Caching.Local;
using SkyRiff.Caching.Observing;
using SkyRiff.Caching.Shared;
using SkyRiff.Caching.Tags;
using SkyRiff.Caching.Watching;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Caching;

/// <summary>What the families of a cache share.</summary>
internal sealed class CacheCore
{
    /// <summary>One slot of <see cref="KeyVersions"/> per so many bytes of the local tier: about as many as there are entries.</summary>
    private const int BytesPerSlot = 256;

    private const int SlotsMin = 1 << 16;
    private const int SlotsMax = 1 << 22;
    private const int BackgroundTasksMax = 256;
    private static readonly TimeSpan AttachWaitMax = TimeSpan.FromSeconds(2);

    public CacheCore(CacheOptions options, RedisClient? redis, TimeProvider time, Entropy entropy, ILogger logger)
    {
        (Options, Time, Entropy, Logger) = (options, time, entropy, logger);
        Span<byte> seeds = stackalloc byte[16];
        entropy.Fill(seeds);
        Seed = BitConverter.ToUInt64(seeds);
        Versions = new KeyVersions((int)Math.Clamp(options.LocalBytesMax / BytesPerSlot, SlotsMin, SlotsMax), BitConverter.ToUInt64(seeds[8..]));
        Tier = new LocalTier(options.LocalBytesMax, time);
        Meter = new CacheMeter(Tier);
        Tags = new TagBoard(options.Prefix, isShared: redis is not null);
        Watch = new Watch(options.Prefix, Versions, Trust, Tags);
        Owed = new OwedInvalidations(options.OwedInvalidationsMax);
        Background = new Background(BackgroundTasksMax);
        if (redis is null)
            Trust.Attach(); // nobody else writes
        else
            Redis = new RedisTier(redis, options, time, Tags, Trust, Owed, logger);
    }

    public CacheOptions Options { get; }

    public TimeProvider Time { get; }

    public Entropy Entropy { get; }

    public ILogger Logger { get; }

    public ulong Seed { get; }

    public LocalTier Tier { get; }

    public CacheMeter Meter { get; }

    public TrustEpoch Trust { get; } = new();

    public KeyVersions Versions { get; }

    public TagBoard Tags { get; }

    public Watch Watch { get; }

    public OwedInvalidations Owed { get; }

    /// <summary>Null: this process is alone.</summary>
    public RedisTier? Redis { get; }

    public Background Background { get; }

    public long UtcNowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Random and never zero.</summary>
    public long NewNonce()
    {
        Span<byte> bytes = stackalloc byte[8];
        Entropy.Fill(bytes);
        return BitConverter.ToInt64(bytes) | 1;
    }

    /// <summary>Ends when invalidations are heard, at the latest after a moment.</summary>
    public async Task AttachedAsync(CancellationToken cancellation)
    {
        if (Redis is null)
            return;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(Watch.Attached, Task.Delay(AttachWaitMax, Time, enough.Token));
        await enough.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Everything with this tag that was read from a source before now is too old.</summary>
    public async ValueTask InvalidateTagAsync(TagState tag)
    {
        if (Redis is null)
        {
            Tags.MoveLocally(tag);
            return;
        }

        if (!await Redis.MoveTagAsync(tag.Name))
            Owed.AddTag(tag.Name);

        // Redis will tell of it, but this process's next read must know; what does not look at tags goes altogether.
        tag.Forget();
        Tags.Clock.Forget();
        if (!Trust.IsAttached || Owed.CoversAll)
            Trust.Renew();
    }

    /// <summary>Tells Redis what it is owed, as far as it can be told; the rest stays.</summary>
    public async Task PayAsync(TimeSpan tombstoneLifetime)
    {
        if (Redis is null)
            return;
        var overflow = Owed.Overflow();
        if (overflow != 0)
        {
            foreach (var name in Tags.FamilyNames)
            {
                if (!await Redis.MoveTagAsync(name))
                    return;
            }

            Owed.OverflowPaid(overflow);
        }

        foreach (var tag in Owed.Tags())
        {
            if (!await Redis.MoveTagAsync(tag.Key))
                return;
            Owed.TagPaid(tag);
        }

        foreach (var key in Owed.Keys())
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(key.Key);
            if (!await Redis.PutAsync(new SharedKey(bytes, 0), Tombstone(), tombstoneLifetime))
                return;
            Owed.KeyPaid(key);
        }
    }

    public byte[] Tombstone() => new Payloads.Envelope(Payloads.EnvelopeKind.Tombstone, NewNonce(), 0, UtcNowMs, 0, 0).Write([]);
}
