using System.Diagnostics;
using SkyRiff.Redis;

namespace SkyRiff.Bench.Redis;

/// <summary>64 callers that read values from 1 B to 1 MB, small ones more often, as pooled leases.</summary>
public static class MixedSizes
{
    private static readonly int[] Sizes = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
    private static readonly int[] Weights = [100, 100, 100, 100, 50, 10, 1];

    public static async Task RunAsync(Results results, RedisClient redis, TimeSpan length, CancellationToken cancellation)
    {
        foreach (var size in Sizes)
            await redis.SetAsync($"mixed:{size}", new byte[size], null, cancellation);
        var keys = Sizes.Zip(Weights).SelectMany(pair => Enumerable.Repeat($"mixed:{pair.First}", pair.Second)).ToArray();

        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var started = Stopwatch.GetTimestamp();
        var totals = await Task.WhenAll(Enumerable.Range(0, 64).Select(caller => CallAsync(redis, keys, caller, started, length, cancellation)));
        var elapsed = Stopwatch.GetElapsedTime(started);
        process.Refresh();
        var operations = totals.Sum(total => total.Operations);
        results.Add("redis.ops_per_s.mixed_1b_to_1mb.c64", "ops/s", operations / elapsed.TotalSeconds);
        results.Add("redis.mb_per_s.mixed_1b_to_1mb.c64", "MB/s", totals.Sum(total => total.Bytes) / 1e6 / elapsed.TotalSeconds);
        results.Add("redis.client_cpu_us_per_op.mixed_1b_to_1mb.c64", "us", (process.TotalProcessorTime - cpu).TotalMicroseconds / operations);
        results.Add("redis.bytes_per_op.mixed_1b_to_1mb.c64", "B", (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)operations);
    }

    private static async Task<(long Operations, long Bytes)> CallAsync(
        RedisClient redis, string[] keys, int caller, long started, TimeSpan length, CancellationToken cancellation)
    {
        await Task.Yield();
        var random = new Random(caller);
        var (operations, bytes) = (0L, 0L);
        while (Stopwatch.GetElapsedTime(started) < length)
        {
            using var value = await redis.GetAsync(keys[random.Next(keys.Length)], cancellation);
            bytes += value.Length;
            operations++;
        }

        return (operations, bytes);
    }
}
