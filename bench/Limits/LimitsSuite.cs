using SkyRiff.Resilience.Limits;

namespace SkyRiff.Bench.Limits;

/// <summary>
/// The figures of the limiter library, beside the framework's: <c>bench/results/limits.json</c>. The program routes <see cref="SharedLimits.ChildCommand"/> to
/// <see cref="SharedLimits.RunChildAsync"/>, since one figure needs four processes.
/// </summary>
internal static class LimitsSuite
{
    private const int Clients = 10_000_000;

    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        var results = new Results("limits");
        var runs = quick ? 3 : 5;
        var decisions = quick ? 2_000_000 : 10_000_000;
        for (var run = 0; run < runs; run++)
        {
            Console.WriteLine($"limits: run {run + 1} of {runs}");
            Decide(results, decisions);
            Weigh(results);
            await ShareAsync(results, decisions, quick ? 2 : 5, cancellationToken);
        }
        results.Print(Console.Out);
        await results.WriteAsync(resultsDir, cancellationToken);
    }

    private static void Decide(Results results, int decisions)
    {
        var bucket = new TokenBucket(100, 100, TimeSpan.FromSeconds(1));
        var options = new KeyedLimiterOptions();
        foreach (var (keys, suffix) in new[] { (1_000, ""), (1, ".one_key"), (1_000_000, ".million_keys") })
        {
            var tokens = KeyedLimiter.Of(bucket, options);
            var window = KeyedLimiter.Of(new SlidingWindow(1_000, TimeSpan.FromSeconds(60)), options);
            results.Add($"limits.local_decision_ns{suffix}", "ns", LocalLimits.DecisionNanoseconds(tokens, keys, decisions));
            results.Add($"limits.local_decision_precise_clock_ns{suffix}", "ns", LocalLimits.PreciseDecisionNanoseconds(tokens, keys, decisions));
            results.Add($"limits.local_decision_given_time_ns{suffix}", "ns", LocalLimits.DecisionNanosecondsGivenTime(tokens, keys, decisions));
            results.Add($"limits.local_sliding_decision_ns{suffix}", "ns", LocalLimits.DecisionNanoseconds(window, keys, decisions));
            var framework = FrameworkLimits.Decision(keys, decisions / 10);
            results.Add($"framework_limits.decision_ns{suffix}", "ns", framework.Nanoseconds);
            results.Add($"framework_limits.decision_bytes{suffix}", "B", framework.Bytes);
        }
        results.Add("limits.local_decision_bytes", "B", LocalLimits.AllocatedBytes(1_000_000));
        results.Add("limits.local_decision_ns.threads4", "ns", LocalLimits.ParallelNanoseconds(4, 1_000, decisions / 2));
        results.Add("limits.local_decision_ns.threads4_one_key", "ns", LocalLimits.ParallelNanoseconds(4, 1, decisions / 2));
    }

    private static void Weigh(Results results)
    {
        var weight = LocalLimits.Weigh(Clients);
        results.Add("limits.clients_10m_resident_mb", "MB", weight.Live);
        results.Add("limits.clients_10m_tables_mb", "MB", weight.Tables);
        results.Add("limits.clients_10m_idle_resident_mb", "MB", weight.Idle);
        results.Add("limits.clients_10m_insert_ns", "ns", weight.InsertNanoseconds);
        results.Add("framework_limits.clients_1m_heap_mb", "MB", FrameworkLimits.Weigh(Clients / 10));
    }

    private static async Task ShareAsync(Results results, int decisions, int seconds, CancellationToken cancellationToken)
    {
        await using var redis = await PrivateRedis.StartAsync(cancellationToken);
        foreach (var callers in new[] { 1, 256 })
        {
            var load = await SharedLimits.ThroughputAsync(redis.SocketPath, callers, callers == 1 ? decisions / 200 : decisions / 20, cancellationToken);
            results.Add($"limits.redis_decisions_per_s.c{callers}", "1/s", load.PerSecond);
            results.Add($"limits.redis_decision_cpu_us.c{callers}", "us", load.CpuMicroseconds);
            results.Add($"limits.redis_decision_bytes.c{callers}", "B", load.Bytes);
        }
        var flood = await SharedLimits.FloodAsync(redis.SocketPath, decisions / 4, cancellationToken);
        results.Add("limits.flood_refusal_ns", "ns", flood.Nanoseconds);
        results.Add("limits.flood_redis_questions", "", flood.Asked);
        var together = await SharedLimits.MostInAnySecondAsync(redis.SocketPath, seconds, cancellationToken);
        results.Add("limits.four_processes_most_in_any_second", "1/s", together.Most);
        results.Add("limits.four_processes_passed_per_s", "1/s", together.Total / seconds);
    }
}
