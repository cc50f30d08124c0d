using System.Diagnostics;
using System.Threading.RateLimiting;

namespace SkyRiff.Bench.Limits;

/// <summary>The other side: the framework's <see cref="PartitionedRateLimiter"/> with a token bucket per client.</summary>
internal static class FrameworkLimits
{
    private static readonly TokenBucketRateLimiterOptions Bucket = new()
    {
        TokenLimit = 100,
        TokensPerPeriod = 100,
        ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        QueueLimit = 0,
        AutoReplenishment = false, // one timer for all partitions, which the partitioned limiter has
    };

    /// <summary>Nanoseconds and bytes for a decision about one of so many clients.</summary>
    public static (double Nanoseconds, double Bytes) Decision(int keys, int decisions)
    {
        using var limiter = PartitionedRateLimiter.Create<long, long>(static id => RateLimitPartition.GetTokenBucketLimiter(id, static _ => Bucket));
        Run(limiter, keys, decisions / 10);
        var (bytes, watch) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.StartNew());
        Run(limiter, keys, decisions);
        return (watch.Elapsed.TotalNanoseconds / decisions, (GC.GetAllocatedBytesForCurrentThread() - bytes) / (double)decisions);
    }

    /// <summary>Megabytes on the heap for so many clients.</summary>
    public static double Weigh(int clients)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var limiter = PartitionedRateLimiter.Create<long, long>(static id => RateLimitPartition.GetTokenBucketLimiter(id, static _ => Bucket));
        for (var i = 0; i < clients; i++) limiter.AttemptAcquire(i).Dispose();
        var after = GC.GetTotalMemory(forceFullCollection: true);
        GC.KeepAlive(limiter);
        return (after - before) / 1e6;
    }

    private static void Run(PartitionedRateLimiter<long> limiter, int keys, int decisions)
    {
        for (var i = 0; i < decisions; i++) limiter.AttemptAcquire(LocalLimits.Spread(i) % keys).Dispose();
    }
}
