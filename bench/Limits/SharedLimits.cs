using System.Diagnostics;
using System.Globalization;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Bench.Limits;

/// <summary>What a decision in Redis costs, and whether four processes keep one limit together.</summary>
internal static class SharedLimits
{
    /// <summary>The first argument of the program that makes it one of the processes of <see cref="MostInAnySecondAsync"/>.</summary>
    public const string ChildCommand = "limits-flood";

    private const int Processes = 4;
    private const int CallersPerProcess = 16;

    /// <summary>Processes that start at the same moment on few cores are slow at first; here the store decides, however long it takes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TokenBucket Shared = new(10, 1_000, TimeSpan.FromSeconds(1));

    /// <summary>Decisions a second, client CPU microseconds and bytes for each, with so many callers that each ask about many keys.</summary>
    public static async Task<(double PerSecond, double CpuMicroseconds, double Bytes)> ThroughputAsync(string socket, int callers, int decisions, CancellationToken cancellationToken)
    {
        await using var redis = Connect(socket);
        var limiter = SharedLimiter.Of(new TokenBucket(1_000_000, 1_000_000, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "throughput" }, redis, new MonotonicClock(TimeProvider.System));
        var ids = Enumerable.Range(0, 1_000).Select(id => id.ToString(CultureInfo.InvariantCulture)).ToArray();
        await RunAsync(decisions / 10);
        using var process = Process.GetCurrentProcess();
        var (cpu, bytes, watch) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes(precise: true), Stopwatch.StartNew());
        await RunAsync(decisions);
        var elapsed = watch.Elapsed;
        process.Refresh();
        return (decisions / elapsed.TotalSeconds, (process.TotalProcessorTime - cpu).TotalMicroseconds / decisions, (GC.GetTotalAllocatedBytes(precise: true) - bytes) / (double)decisions);

        Task RunAsync(int count) => Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => CallAsync(caller, count / callers), cancellationToken)));

        async Task CallAsync(int caller, int count)
        {
            for (var i = 0; i < count; i++)
            {
                var decision = await limiter.TakeAsync(ids[((i * 7) + caller) % ids.Length], 1, cancellationToken);
                if (decision is not { IsAllowed: true, By: DecidedBy.Store }) throw new InvalidOperationException($"Unexpected: {decision}.");
            }
        }
    }

    /// <summary>Nanoseconds for a refusal from memory, and how often Redis was asked meanwhile.</summary>
    public static async Task<(double Nanoseconds, double Asked)> FloodAsync(string socket, int decisions, CancellationToken cancellationToken)
    {
        await using var redis = Connect(socket);
        var limiter = SharedLimiter.Of(new TokenBucket(10, 10, TimeSpan.FromHours(1)), new SharedLimiterOptions { Name = "flood" }, redis, new MonotonicClock(TimeProvider.System));
        for (var i = 0; i < 100; i++) await limiter.TakeAsync("attacker", 1, cancellationToken);
        var asked = limiter.Asked;
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < decisions; i++)
        {
            if ((await limiter.TakeAsync("attacker", 1, cancellationToken)).IsAllowed) throw new InvalidOperationException("The flood got through.");
        }
        return (watch.Elapsed.TotalNanoseconds / decisions, limiter.Asked - asked);
    }

    /// <summary>
    /// Four processes flood one key of 1,000 a second with a burst of 10; the most that passed in any second, by the server's clock, and how many in all.
    /// </summary>
    public static async Task<(double Most, double Total)> MostInAnySecondAsync(string socket, int seconds, CancellationToken cancellationToken)
    {
        var name = "together-" + Environment.TickCount64.ToString(CultureInfo.InvariantCulture);
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This process has no path.");
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        var children = Enumerable.Range(0, Processes).Select(_ => Process.Start(new ProcessStartInfo(program, [.. host, ChildCommand, socket, name, seconds.ToString(CultureInfo.InvariantCulture)])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("A child did not start.")).ToList();
        var times = new List<long>();
        foreach (var child in children)
        {
            using (child)
            {
                var output = await child.StandardOutput.ReadToEndAsync(cancellationToken);
                await child.WaitForExitAsync(cancellationToken);
                if (child.ExitCode != 0) throw new InvalidOperationException($"A child failed: {output}");
                times.AddRange(output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => long.Parse(line, CultureInfo.InvariantCulture)));
            }
        }
        times.Sort();
        var (most, first) = (0, 0);
        for (var last = 0; last < times.Count; last++)
        {
            while (times[first] <= times[last] - 1_000_000) first++;
            most = Math.Max(most, last - first + 1);
        }
        return (most, times.Count);
    }

    /// <summary>One of the four: writes the server's time of everything that passed. Arguments: socket, name, seconds.</summary>
    public static async Task<int> RunChildAsync(string[] arguments, CancellationToken cancellationToken)
    {
        await using var redis = Connect(arguments[0]);
        await redis.ConnectAsync(cancellationToken);
        var limiter = SharedLimiter.Of(Shared, new SharedLimiterOptions { Name = arguments[1], StoreDurationMax = Patience }, redis, new MonotonicClock(TimeProvider.System));
        var duration = TimeSpan.FromSeconds(int.Parse(arguments[2], CultureInfo.InvariantCulture));
        var passed = new List<long>();
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, CallersPerProcess).Select(_ => Task.Run(CallAsync, cancellationToken)));
        await Console.Out.WriteLineAsync(string.Join('\n', passed));
        return 0;

        async Task CallAsync()
        {
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                var decision = await limiter.TakeAsync("everybody", 1, cancellationToken);
                if (decision.By == DecidedBy.Fallback) throw new InvalidOperationException("Redis is away.");
                if (decision.IsAllowed)
                {
                    lock (passed) passed.Add(decision.StoreTime);
                }
                else
                {
                    await Task.Yield();
                }
            }
        }
    }

    private static RedisClient Connect(string socket) => RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(socket)] });
}
