using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Caching;

/// <summary>
/// A process's cache: memory in front of Redis in front of the sources. One per process; families of values are made from it with <see cref="Family"/>.
/// <para>Local copies are invalidated by Redis, which tells every process of every write. While that is heard, a write on one process ends the old value on all others
/// within the delivery of one message; a dead connection is noticed within twice the client's heartbeat, and from then on nothing local is believed for longer than
/// <see cref="CacheOptions.DetachedLifetime"/>. Without Redis the process counts as alone.</para>
/// </summary>
public sealed class Cache : IAsyncDisposable
{
    /// <summary>How often what Redis is owed is tried.</summary>
    private static readonly TimeSpan PayEvery = TimeSpan.FromSeconds(1);

    private readonly CacheCore _core;
    private readonly RedisTracking? _tracking;
    private readonly ConcurrentDictionary<string, ICacheFamily> _families = new();
    private readonly ITimer _upkeep;
    private int _isPaying;

    /// <summary>Returns at once; Redis is connected to in the background.</summary>
    /// <param name="redis">Null for a process that is alone. Not disposed with the cache.</param>
    /// <exception cref="ArgumentException">The options have mistakes; the message tells all of them.</exception>
    public Cache(CacheOptions options, RedisClient? redis, TimeProvider time, Entropy entropy, ILogger<Cache> logger)
    {
        var mistakes = options.Validate();
        if (mistakes.Count > 0)
            throw new ArgumentException(string.Join(' ', mistakes), nameof(options));

        _core = new CacheCore(options, redis, time, entropy, logger);
        _tracking = redis?.TrackPrefixes([options.Prefix + ":"], _core.Watch);
        _core.Meter.Observe(Statistics);
        _upkeep = time.CreateTimer(static cache => ((Cache)cache!).Upkeep(), this, PayEvery, PayEvery);
    }

    /// <summary>Whether invalidations are heard now, so that entries live their full time; always, without Redis.</summary>
    public bool IsAttached => _core.Trust.IsAttached;

    /// <summary>Whether Redis is left alone after failures; reads are answered by memory and the sources then.</summary>
    public bool IsWithoutRedis => _core.Redis?.IsResting ?? true;

    /// <summary>Bytes of all local entries, estimated; never above <see cref="CacheOptions.LocalBytesMax"/>.</summary>
    public long LocalBytes => _core.Tier.Bytes;

    internal CacheCore Core => _core;

    /// <summary>Makes a family; its name must be new.</summary>
    /// <exception cref="ArgumentException">The options have mistakes; the message tells all of them.</exception>
    public CacheFamily<TKey, TValue> Family<TKey, TValue>(CacheFamilyOptions<TKey, TValue> options)
        where TKey : notnull
        where TValue : class
    {
        var mistakes = options.Validate();
        if (mistakes.Count > 0)
            throw new ArgumentException(string.Join(' ', mistakes), nameof(options));

        var family = new CacheFamily<TKey, TValue>(_core, options);
        return _families.TryAdd(options.Name, family) ? family : throw new ArgumentException($"There is a family {options.Name} already.", nameof(options));
    }

    /// <summary>
    /// Forgets every value with this tag, of all families, everywhere; call it after the source was changed. When Redis cannot be told now it is told
    /// later, and until then this process does not believe what Redis has.
    /// </summary>
    public ValueTask InvalidateTagAsync(string tag, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _core.InvalidateTagAsync(_core.Tags.Of(tag));
    }

    /// <summary>Ends when invalidations are heard, and in any case after a moment: a start should not fail because Redis is away.</summary>
    public Task AttachedAsync(CancellationToken cancellation) => _core.AttachedAsync(cancellation);

    /// <summary>What the families did since their beginning.</summary>
    public IReadOnlyList<CacheFamilyStatistics> Statistics() => [.. _families.Values.Select(family => family.Statistics()).OrderBy(family => family.Name, StringComparer.Ordinal)];

    /// <summary>Ends loads and renewals; those who wait are told <see cref="OperationCanceledException"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await _upkeep.DisposeAsync();
        if (_tracking is not null)
            await _tracking.DisposeAsync();
        await _core.Background.DisposeAsync();
        _core.Tier.Dispose();
        _core.Meter.Dispose();
    }

    private void Upkeep()
    {
        if (_core.Owed.IsEmpty || Interlocked.Exchange(ref _isPaying, 1) == 1)
            return;
        if (!_core.Background.TryRun(PayAsync))
            Volatile.Write(ref _isPaying, 0);
    }

    private async Task PayAsync()
    {
        try
        {
            await _core.PayAsync(_families.Values.Select(family => family.TombstoneLifetime).DefaultIfEmpty(TimeSpan.FromMinutes(1)).Max());
        }
        finally
        {
            Volatile.Write(ref _isPaying, 0);
        }
    }
}
