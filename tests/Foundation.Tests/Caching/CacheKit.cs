using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Caching;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;

namespace SkyRiff.Foundation.Tests.Caching;

internal sealed record Clip(long Id, string Title, string Owner = "ann");

[JsonSerializable(typeof(Clip))]
internal sealed partial class ClipJson : JsonSerializerContext;

/// <summary>What is cached: it counts who asks, and can be made slow or broken.</summary>
internal sealed class ClipSource
{
    private readonly ConcurrentDictionary<long, Clip> _clips = new();
    private readonly ConcurrentQueue<long[]> _loads = new();

    /// <summary>Loads wait for it after they have read; null: they do not.</summary>
    public TaskCompletionSource? Hold { get; set; }

    public Exception? Failure { get; set; }

    /// <summary>The keys of every load so far.</summary>
    public IReadOnlyList<long[]> Loads => [.. _loads];

    public Clip this[long id]
    {
        get => _clips[id];
        set => _clips[id] = value;
    }

    public void Remove(long id) => _clips.TryRemove(id, out _);

    public async Task<IReadOnlyDictionary<long, Clip>> LoadAsync(IReadOnlyList<long> ids, CancellationToken cancellation)
    {
        var read = ids.Where(_clips.ContainsKey).ToDictionary(id => id, id => _clips[id]);
        var failure = Failure;
        _loads.Enqueue([.. ids]);
        if (Hold is { } hold)
            await hold.Task.WaitAsync(cancellation);
        return failure is null ? read : throw failure;
    }

    public CacheFamilyOptions<long, Clip> Options(string name = "clips") => new() { Name = name, Load = LoadAsync, Payload = Payload, Jitter = 0, EarlyRefresh = 0, Write = WriteAsync };

    public static JsonPayload<Clip> Payload { get; } = new(ClipJson.Default.Clip);

    public Task WriteAsync(long id, Clip clip, CancellationToken cancellation)
    {
        _clips[id] = clip;
        return Task.CompletedTask;
    }
}

/// <summary>A process as far as the cache is concerned: a client and a cache of its own.</summary>
internal sealed class CacheProcess : IAsyncDisposable
{
    private static int _seeds;

    private CacheProcess(Cache cache, RedisClient redis) => (Cache, Redis) = (cache, redis);

    public Cache Cache { get; }

    public RedisClient Redis { get; }

    /// <summary>Returns when invalidations are heard.</summary>
    public static async Task<CacheProcess> StartAsync(RedisServerProcess server, TimeProvider? time = null, CacheOptions? options = null, string? prefix = null)
    {
        var process = Start(server.SocketPath, time, options ?? new CacheOptions { Prefix = prefix ?? "cache", RedisTimeLimit = TimeSpan.FromSeconds(5) });
        await Eventually.TrueAsync(() => process.Cache.IsAttached, "invalidations are heard");
        return process;
    }

    public static CacheProcess Start(string socketPath, TimeProvider? time, CacheOptions options)
    {
        var redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(socketPath)], ReconnectDelayMax = TimeSpan.FromMilliseconds(50) });
        return new CacheProcess(new Cache(options, redis, time ?? TimeProvider.System, Entropy.Seeded(Interlocked.Increment(ref _seeds)), NullLogger<Cache>.Instance), redis);
    }

    public static Cache Over(RedisClient redis) =>
        new(new CacheOptions { RedisTimeLimit = TimeSpan.FromSeconds(5) }, redis, TimeProvider.System, Entropy.Seeded(Interlocked.Increment(ref _seeds)), NullLogger<Cache>.Instance);

    public static Cache Alone(TimeProvider? time = null, long bytesMax = 64 * 1024 * 1024) =>
        new(new CacheOptions { LocalBytesMax = bytesMax }, null, time ?? TimeProvider.System, Entropy.Seeded(7), NullLogger<Cache>.Instance);

    public async ValueTask DisposeAsync()
    {
        await Cache.DisposeAsync();
        await Redis.DisposeAsync();
    }
}
