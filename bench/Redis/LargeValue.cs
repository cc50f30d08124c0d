using System.Diagnostics;
using SkyRiff.Redis;

namespace SkyRiff.Bench.Redis;

/// <summary>A value of 64 MB, written from and read into the caller's memory: how fast, and how much memory beyond the caller's own.</summary>
public static class LargeValue
{
    private const int Bytes = 64 * 1024 * 1024;

    public static async Task RunAsync(Results results, RedisClient redis, int rounds, CancellationToken cancellation)
    {
        var patient = redis.WithTimeLimit(TimeSpan.FromMinutes(1));
        var written = new byte[Bytes];
        new Random(1).NextBytes(written);
        var read = new byte[Bytes];
        read.AsSpan().Fill(1);
        for (var round = 0; round <= rounds; round++)
        {
            using var process = Process.GetCurrentProcess();
            var resident = process.WorkingSet64;
            var allocated = GC.GetTotalAllocatedBytes(precise: true);
            var started = Stopwatch.GetTimestamp();
            await patient.SetAsync("large", written, null, cancellation);
            var setTime = Stopwatch.GetElapsedTime(started);
            started = Stopwatch.GetTimestamp();
            if (await patient.GetAsync("large", read, cancellation) != Bytes || !read.AsSpan().SequenceEqual(written))
                throw new InvalidOperationException("The large value came back changed.");
            var getTime = Stopwatch.GetElapsedTime(started);
            process.Refresh();
            if (round == 0)
                continue;
            results.Add("redis.mb_per_s.set_64mb", "MB/s", Bytes / 1e6 / setTime.TotalSeconds);
            results.Add("redis.mb_per_s.get_64mb", "MB/s", Bytes / 1e6 / getTime.TotalSeconds);
            results.Add("redis.allocated_kb.set_and_get_64mb", "KB", (GC.GetTotalAllocatedBytes(precise: true) - allocated) / 1024.0);
            results.Add("redis.resident_growth_mb.set_and_get_64mb", "MB", (process.WorkingSet64 - resident) / 1e6);
        }

        await redis.DeleteAsync("large", cancellation);
    }
}
