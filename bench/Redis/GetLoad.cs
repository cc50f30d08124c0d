using System.Diagnostics;
using SkyRiff.Redis;

namespace SkyRiff.Bench.Redis;

/// <summary>What one run of a load did and cost.</summary>
public readonly record struct LoadRun(long Operations, TimeSpan Elapsed, TimeSpan Cpu, long AllocatedBytes);

/// <summary>Callers that each read one key again and again, into their own memory, as fast as answers come.</summary>
public static class GetLoad
{
    public static async Task<LoadRun> RunAsync(RedisClient redis, int callers, TimeSpan length, CancellationToken cancellation)
    {
        var stop = new StopSignal();
        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var started = Stopwatch.GetTimestamp();
        var running = new Task<long>[callers];
        for (var caller = 0; caller < callers; caller++)
            running[caller] = CallAsync(redis, stop, cancellation);
        await Task.Delay(length, cancellation);
        stop.Set();
        var operations = (await Task.WhenAll(running)).Sum();
        var elapsed = Stopwatch.GetElapsedTime(started);
        process.Refresh();
        return new LoadRun(operations, elapsed, process.TotalProcessorTime - cpu, GC.GetTotalAllocatedBytes(precise: true) - allocated);
    }

    private static async Task<long> CallAsync(RedisClient redis, StopSignal stop, CancellationToken cancellation)
    {
        await Task.Yield();
        var memory = new byte[128];
        var operations = 0L;
        while (!stop.IsSet)
        {
            if (await redis.GetAsync("k"u8, memory, cancellation) != 100)
                throw new InvalidOperationException("The value came back with another length.");
            operations++;
        }

        return operations;
    }

    private sealed class StopSignal
    {
        private bool _isSet;

        public bool IsSet => Volatile.Read(ref _isSet);

        public void Set() => Volatile.Write(ref _isSet, true);
    }
}
