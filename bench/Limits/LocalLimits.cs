using System.Diagnostics;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Bench.Limits;

/// <summary>What one decision in memory costs, and what ten million clients weigh.</summary>
internal static class LocalLimits
{
    private static readonly TokenBucket Bucket = new(100, 100, TimeSpan.FromSeconds(1));

    /// <summary>Nanoseconds for hashing the client's id, reading the coarse clock and deciding, as the edge does for files.</summary>
    public static double DecisionNanoseconds(KeyedLimiter limiter, int keys, int decisions)
    {
        var clock = new MonotonicClock(TimeProvider.System);
        return Time(decisions, i => limiter.Take(LimitKey.Of(Spread(i) % keys), 1, clock.Coarse).IsAllowed);
    }

    /// <summary>The same with the precise clock.</summary>
    public static double PreciseDecisionNanoseconds(KeyedLimiter limiter, int keys, int decisions)
    {
        var clock = new MonotonicClock(TimeProvider.System);
        return Time(decisions, i => limiter.Take(LimitKey.Of(Spread(i) % keys), 1, clock.Now).IsAllowed);
    }

    /// <summary>The same with the clock read once, as who decides several limits for one request does.</summary>
    public static double DecisionNanosecondsGivenTime(KeyedLimiter limiter, int keys, int decisions)
    {
        var now = new MonotonicClock(TimeProvider.System).Now;
        return Time(decisions, i => limiter.Take(LimitKey.Of(Spread(i) % keys), 1, now + i).IsAllowed);
    }

    /// <summary>Wall nanoseconds per decision and thread, with <paramref name="threads"/> of them on random keys (or all on one).</summary>
    public static double ParallelNanoseconds(int threads, int keys, int decisions)
    {
        var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions());
        var results = new double[threads];
        var workers = Enumerable.Range(0, threads).Select(index => new Thread(() => results[index] = DecisionNanoseconds(limiter, keys, decisions))).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        return results.Max();
    }

    /// <summary>Bytes allocated by a decision in steady state.</summary>
    public static double AllocatedBytes(int decisions)
    {
        var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions());
        DecisionNanoseconds(limiter, 1_000, decisions);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < decisions; i++) limiter.Take(LimitKey.Of(i % 1_000), 1, i * 1_000L);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)decisions;
    }

    /// <summary>Resident megabytes above the start while all clients are live, the tables' own account, and resident after they went idle.</summary>
    public static (double Live, double Tables, double Idle, double InsertNanoseconds) Weigh(int clients)
    {
        var start = ResidentMegabytes();
        var limiter = KeyedLimiter.Of(new TokenBucket(100, 1, TimeSpan.FromSeconds(1)), new KeyedLimiterOptions { KeysMax = clients });
        const long now = MonotonicClock.NanosecondsPerSecond;
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < clients; i++) limiter.Take(LimitKey.Of(i), 1, now);
        var insert = watch.Elapsed.TotalNanoseconds / clients;
        if (limiter.Keys != clients || limiter.Evicted != 0) throw new InvalidOperationException($"{limiter.Keys} keys, {limiter.Evicted} forgotten.");
        var live = ResidentMegabytes() - start;
        var tables = limiter.Bytes / 1e6;
        limiter.Sweep(now + (2 * MonotonicClock.NanosecondsPerSecond), limiter.Shards);
        var idle = ResidentMegabytes() - start;
        GC.KeepAlive(limiter);
        return (live, tables, idle, insert);
    }

    private static double Time(int decisions, Func<int, bool> decide)
    {
        for (var i = 0; i < Math.Min(decisions, 200_000); i++) decide(i);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < decisions; i++) decide(i);
        return watch.Elapsed.TotalNanoseconds / decisions;
    }

    /// <summary>A walk that visits keys in no order a prefetcher could guess.</summary>
    public static long Spread(int i) => (long)(((ulong)(uint)i * 0x9E3779B97F4A7C15) >> 33);

    private static double ResidentMegabytes()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 / 1e6;
    }
}
