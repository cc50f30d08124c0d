using System.Diagnostics;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Bench.Limits;
using SkyRiff.Caching;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Bench.Caching;

/// <summary>
/// The cache through its public families, beside the framework's MemoryCache, and its replacement policy beside others: <c>bench/results/cache.json</c>. What involves
/// other processes is measured between caches with clients of their own over one private Redis.
/// </summary>
internal static class CacheSuite
{
    private const int Keys = 10_000;
    private const int StormCallers = 10_000;
    private const int ManyKeys = 100;

    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        var results = new Results("cache");
        var runs = quick ? 3 : 5;
        Console.WriteLine($"cache: hit rates, {runs} seeds");
        foreach (var (name, percent) in HitRates.Measure(quick ? 300_000 : 1_000_000, runs))
            results.Add(name, "%", percent);
        await using var redis = await PrivateRedis.StartAsync(cancellationToken);
        for (var run = 0; run < runs; run++)
        {
            Console.WriteLine($"cache: run {run + 1} of {runs}");
            await HitAsync(results, redis.SocketPath, quick ? 20 : 100, run, cancellationToken);
            await StormAsync(results, redis.SocketPath, run, cancellationToken);
            await InvalidateAsync(results, redis.SocketPath, quick ? 100 : 1_000, run, cancellationToken);
            await ManyAsync(results, redis.SocketPath, quick ? 20 : 100, run, cancellationToken);
        }

        results.Print(Console.Out);
        await results.WriteAsync(resultsDir, cancellationToken);
    }

    /// <summary>Hits of the local tier, with invalidations heard from Redis, and the framework's on the same keys.</summary>
    private static async Task HitAsync(Results results, string socket, int rounds, int run, CancellationToken cancellationToken)
    {
        await using var process = await Process.StartAsync(socket, $"hit{run}", cancellationToken);
        await WarmAsync(process.Clips, cancellationToken);
        using var framework = LocalHits.Framework();
        LocalHits.Measure(process.Clips, 1, 2, OursHits);
        LocalHits.Measure(framework, 1, 2, FrameworkHits);
        foreach (var (threads, suffix) in new[] { (1, ""), (4, ".t4") })
        {
            var ours = LocalHits.Measure(process.Clips, threads, rounds, OursHits);
            var theirs = LocalHits.Measure(framework, threads, rounds, FrameworkHits);
            results.Add("cache.local_hit_ns" + suffix, "ns", ours.Nanoseconds);
            results.Add("memorycache.hit_ns" + suffix, "ns", theirs.Nanoseconds);
            results.Add("cache.local_hit_cpu_ns" + suffix, "ns", ours.CpuNanoseconds);
            results.Add("memorycache.hit_cpu_ns" + suffix, "ns", theirs.CpuNanoseconds);
            results.Add("cache.local_hit_bytes" + suffix, "B", ours.Bytes);
            results.Add("memorycache.hit_bytes" + suffix, "B", theirs.Bytes);
        }
    }

    /// <summary>Until every key is answered from memory: what a process stored itself it reads once more from Redis.</summary>
    private static async Task WarmAsync(CacheFamily<long, BenchClip> clips, CancellationToken cancellationToken)
    {
        await clips.WarmAsync(Enumerable.Range(0, Keys).Select(key => (long)key), 4, cancellationToken);
        for (var (pass, misses) = (0, 1); misses > 0; pass++)
        {
            if (pass == 50)
                throw new InvalidOperationException($"{misses} keys are not kept in memory.");
            misses = 0;
            for (var key = 0L; key < Keys; key++)
            {
                var got = clips.GetAsync(key, cancellationToken);
                if (!got.IsCompletedSuccessfully)
                    misses++;
                await got;
            }
        }
    }

    private static bool OursHits(CacheFamily<long, BenchClip> clips, long key)
    {
        var got = clips.GetAsync(key, CancellationToken.None);
        return got.IsCompletedSuccessfully && got.Result is not null;
    }

    private static bool FrameworkHits(MemoryCache cache, long key) => cache.TryGetValue(key, out string? value) && value is not null;

    /// <summary>All at once for one key that nobody has, of a source that takes 20 ms: in one process, and over two for a key that is marked expensive.</summary>
    private static async Task StormAsync(Results results, string socket, int run, CancellationToken cancellationToken)
    {
        await using var here = await Process.StartAsync(socket, $"storm{run}", cancellationToken);
        await using var there = await Process.StartAsync(socket, $"storm{run}", cancellationToken);
        here.Source.Takes = there.Source.Takes = TimeSpan.FromMilliseconds(20);
        var began = Stopwatch.GetTimestamp();
        await CallAsync([here.Clips], 1);
        results.Add("cache.miss_storm_ms.c10000", "ms", Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        results.Add("cache.miss_storm_loads.c10000", "loads", here.Source.Loads);
        (here.Source.Loads, there.Source.Loads) = (0, 0);
        await CallAsync([here.Expensive, there.Expensive], 2);
        results.Add("cache.miss_storm_cluster_loads.c10000", "loads", here.Source.Loads + there.Source.Loads);

        async Task CallAsync(CacheFamily<long, BenchClip>[] families, long key)
        {
            using var start = new SemaphoreSlim(0);
            var callers = Enumerable.Range(0, StormCallers).Select(async caller =>
            {
                await start.WaitAsync(cancellationToken);
                if (await families[caller % families.Length].GetAsync(key, cancellationToken) is null)
                    throw new InvalidOperationException("The value is missing.");
            }).ToList();
            start.Release(StormCallers);
            await Task.WhenAll(callers);
        }
    }

    /// <summary>From the moment the source has the new value, through the invalidation on one side, until the other side answers it.</summary>
    private static async Task InvalidateAsync(Results results, string socket, int changes, int run, CancellationToken cancellationToken)
    {
        await using var here = await Process.StartAsync(socket, $"inv{run}", cancellationToken);
        await using var there = await Process.StartAsync(socket, $"inv{run}", cancellationToken);
        there.Source.Versions = here.Source.Versions;
        var delays = new List<double>();
        for (var change = 1; change <= changes; change++)
        {
            await there.Clips.GetAsync(7, cancellationToken);
            here.Source.Versions[7] = change;
            var began = Stopwatch.GetTimestamp();
            await here.Clips.RemoveAsync(7, cancellationToken);
            while ((await there.Clips.GetAsync(7, cancellationToken))!.Version != change)
            {
                if (Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(10))
                    throw new InvalidOperationException("The old value is still served.");
                await Task.Yield();
            }

            delays.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
        }

        delays.Sort();
        results.Add("cache.invalidation_us.p50", "us", delays[delays.Count / 2]);
        results.Add("cache.invalidation_us.p99", "us", delays[delays.Count * 99 / 100]);
        results.Add("cache.invalidation_us.max", "us", delays[^1]);
    }

    /// <summary>A hundred keys in one call: all in memory, all in Redis, all at the source.</summary>
    private static async Task ManyAsync(Results results, string socket, int rounds, int run, CancellationToken cancellationToken)
    {
        await using var here = await Process.StartAsync(socket, $"many{run}", cancellationToken);
        await using var there = await Process.StartAsync(socket, $"many{run}", cancellationToken);
        results.Add("cache.multi_get_100_us.source", "us", await TimeAsync(here, rounds));
        results.Add("cache.multi_get_100_loads.source", "loads", here.Source.Loads / (double)rounds);
        results.Add("cache.multi_get_100_us.redis", "us", await TimeAsync(there, rounds));
        results.Add("cache.multi_get_100_loads.redis", "loads", there.Source.Loads / (double)rounds);
        results.Add("cache.multi_get_100_us.local", "us", await TimeAsync(there, rounds));

        async Task<double> TimeAsync(Process process, int times)
        {
            var began = Stopwatch.GetTimestamp();
            for (var round = 0; round < times; round++)
            {
                var values = await process.Clips.GetManyAsync([.. Enumerable.Range(round * ManyKeys, ManyKeys).Select(key => (long)key)], cancellationToken);
                if (values.Any(value => value is null))
                    throw new InvalidOperationException("A value is missing.");
            }

            return Stopwatch.GetElapsedTime(began).TotalMicroseconds / times;
        }
    }

    /// <summary>A process as far as the cache can tell: a client, a cache, a source.</summary>
    private sealed class Process : IAsyncDisposable
    {
        private readonly RedisClient _redis;
        private readonly Cache _cache;

        private Process(string socket, string prefix)
        {
            _redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(socket)] });
            _cache = new Cache(new CacheOptions { Prefix = prefix }, _redis, TimeProvider.System, Entropy.System, NullLogger<Cache>.Instance);
            Clips = _cache.Family(Options("clips", isExpensive: false));
            Expensive = _cache.Family(Options("expensive", isExpensive: true));
        }

        public Source Source { get; } = new();

        public CacheFamily<long, BenchClip> Clips { get; }

        public CacheFamily<long, BenchClip> Expensive { get; }

        public static async Task<Process> StartAsync(string socket, string prefix, CancellationToken cancellationToken)
        {
            var process = new Process(socket, prefix);
            await process._redis.ConnectAsync(cancellationToken);
            await process._cache.AttachedAsync(cancellationToken);
            return process;
        }

        public async ValueTask DisposeAsync()
        {
            await _cache.DisposeAsync();
            await _redis.DisposeAsync();
        }

        private CacheFamilyOptions<long, BenchClip> Options(string name, bool isExpensive) => new()
        {
            Name = name,
            Load = Source.LoadAsync,
            Payload = new JsonPayload<BenchClip>(BenchClipJson.Default.BenchClip),
            Lifetime = TimeSpan.FromHours(1),
            IsExpensive = isExpensive,
        };
    }

    private sealed class Source
    {
        private int _loads;

        public TimeSpan Takes { get; set; }

        public int Loads
        {
            get => Volatile.Read(ref _loads);
            set => Volatile.Write(ref _loads, value);
        }

        /// <summary>By key; all zero at first.</summary>
        public long[] Versions { get; set; } = new long[8];

        public async Task<IReadOnlyDictionary<long, BenchClip>> LoadAsync(IReadOnlyList<long> keys, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _loads);
            var clips = keys.ToDictionary(key => key, key => new BenchClip(key, "A lighthouse above a rough sea at sunset", key < Versions.Length ? Volatile.Read(ref Versions[key]) : 0));
            if (Takes > TimeSpan.Zero)
                await Task.Delay(Takes, cancellationToken);
            return clips;
        }
    }
}

internal sealed record BenchClip(long Id, string Title, long Version);

[JsonSerializable(typeof(BenchClip))]
internal sealed partial class BenchClipJson : JsonSerializerContext;
