using System.Diagnostics;
using Microsoft.Extensions.Caching.Memory;

namespace SkyRiff.Bench.Caching;

/// <summary>Time and allocations of a local hit, ours and the framework's, on the same keys: 64-bit numbers, Zipf over 10,000 that are all there.</summary>
internal static class LocalHits
{
    private const int Keys = 10_000;
    private static readonly string Value = "value";

    public static long[] Sequence(int seed) => [.. Workloads.Zipf(Keys, 0.9, seed).Take(1 << 16)];

    /// <summary>
    /// Nanoseconds per hit as its thread sees it, of processor time of the whole process per hit, and bytes allocated per hit. With more threads than processors the first
    /// is the second times their ratio at best.
    /// </summary>
    public static (double Nanoseconds, double CpuNanoseconds, double Bytes) Measure<TState>(TState state, int threads, int rounds, Func<TState, long, bool> hit)
    {
        var misses = 0;
        var elapsed = new double[threads];
        var bytes = new long[threads];
        var cpuBegan = TimeSpan.Zero;
        using var start = new Barrier(threads, _ => cpuBegan = Environment.CpuUsage.TotalTime);
        var workers = Enumerable.Range(0, threads).Select(worker => new Thread(() =>
        {
            var keys = Sequence(worker);
            start.SignalAndWait();
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var began = Stopwatch.GetTimestamp();
            for (var round = 0; round < rounds; round++)
            {
                foreach (var key in keys)
                {
                    if (!hit(state, key))
                        misses++;
                }
            }

            elapsed[worker] = Stopwatch.GetElapsedTime(began).TotalNanoseconds;
            bytes[worker] = GC.GetAllocatedBytesForCurrentThread() - allocated;
        })).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        var cpu = (Environment.CpuUsage.TotalTime - cpuBegan).TotalNanoseconds;
        if (misses > 0)
            throw new InvalidOperationException($"{misses} misses where all should hit.");
        var operations = (double)rounds * (1 << 16);
        return (elapsed.Average() / operations, cpu / (operations * threads), bytes.Sum() / (operations * threads));
    }

    public static MemoryCache Framework()
    {
        var cache = new MemoryCache(new MemoryCacheOptions { SizeLimit = 100L * Keys });
        for (var key = 0L; key < Keys; key++)
            cache.Set(key, Value, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = TimeSpan.FromHours(1) });
        return cache;
    }
}
