using System.Runtime.InteropServices;

namespace SkyRiff.Bench;

/// <summary>The suites by name. Each prints a table and writes <c>bench/results/&lt;suite&gt;.json</c>.</summary>
internal static class BenchCommand
{
    private sealed record Suite(string Name, string Measures, Func<bool, string, CancellationToken, Task> RunAsync);

    private static readonly Suite[] Suites =
    [
        new("accept", "accepting generations over HTTP beside pgbench running the same SQL", Main.AcceptSuite.RunAsync),
        new("start", "first and warm start, idle memory, and the wait for a clip on two cores (after ./skyriff build)", Main.StartSuite.RunAsync),
        new("orchestration", "a thousand jobs in flight on one worker", Main.OrchestrationSuite.RunAsync),
        new("redis", "the Redis client beside redis-benchmark and a bare socket", Redis.RedisSuite.RunAsync),
        new("gateway", "the gateway beside nginx and HAProxy, which are installed when they are missing", Gateway.GatewaySuite.RunAsync),
        new("limits", "rate limits in memory and in Redis", Limits.LimitsSuite.RunAsync),
        new("cache", "the cache beside MemoryCache, and its hit rates beside LRU's", Caching.CacheSuite.RunAsync),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        if (args is ["limits-flood", .. var rest]) return await Limits.SharedLimits.RunChildAsync(rest, CancellationToken.None); // a child of the suite limits
        if (args is ["gateway-serve", var config]) return await Gateway.GatewaySuite.ServeAsync(config); // the child that the suite gateway measures
        var quick = args.Contains("--quick");
        var names = args.Where(arg => !arg.StartsWith('-')).ToList();
        var unknown = args.Where(arg => arg.StartsWith('-') && arg is not ("--quick" or "--help" or "-h")).ToList();
        if (args.Contains("--help") || args.Contains("-h") || names.Count == 0)
        {
            Usage(Console.Out);
            return 0;
        }
        if (unknown.Count > 0 || names.Exists(name => !Array.Exists(Suites, suite => suite.Name == name)))
        {
            await Console.Error.WriteLineAsync($"bench: not known: {string.Join(' ', unknown.Concat(names.Where(name => !Array.Exists(Suites, suite => suite.Name == name))))}");
            Usage(Console.Error);
            return 2;
        }

        using var stop = new CancellationTokenSource();
        // Both signals: the servers that a suite starts in this process take them too, and would leave the suite running without its servers.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        foreach (var name in names)
        {
            try
            {
                var running = Array.Find(Suites, suite => suite.Name == name)!.RunAsync(quick, ResultsFolder(), stop.Token);
                await running;
                if (running is Task<int> coded && await coded is var code and not 0) return code;
            }
            catch (Exception) when (stop.IsCancellationRequested) // whatever a suite makes of it that its servers stop, too
            {
                return 130;
            }
        }
        return 0;
    }

    /// <summary>bench/results of the checkout that this was built from.</summary>
    private static string ResultsFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SkyRiff.slnx"))) folder = folder.Parent;
        return Path.Combine((folder ?? new DirectoryInfo(".")).FullName, "bench", "results");
    }

    private static void Usage(TextWriter output)
    {
        output.WriteLine("usage: ./skyriff bench SUITE... [--quick]");
        output.WriteLine();
        foreach (var suite in Suites) output.WriteLine($"  {suite.Name,-14}{suite.Measures}");
    }
}
