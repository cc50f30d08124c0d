using SkyRiff.Resilience.Limits;

namespace SkyRiff.Bench.Limits;

/// <summary>The figures of the limiter library: <c>bench/results/limits.json</c>.</summary>
internal static class LimitsSuite
{
    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        var report = new LimitsReport(quick ? 3 : 5);
        var decisions = quick ? 2_000_000 : 10_000_000;
        var bucket = new TokenBucket(100, 100, TimeSpan.FromSeconds(1));
        var options = new KeyedLimiterOptions();
        foreach (var keys in new[] { 1, 1_000, 1_000_000 })
        {
            var tokens = KeyedLimiter.Of(bucket, options);
            var window = KeyedLimiter.Of(new SlidingWindow(1_000, TimeSpan.FromSeconds(60)), options);
            var suffix = keys == 1_000 ? "" : keys == 1 ? ".one_key" : ".million_keys";
            report.Measure($"limits.local_decision_ns{suffix}", "ns", () => LocalLimits.DecisionNanoseconds(tokens, keys, decisions));
            report.Measure($"limits.local_decision_given_time_ns{suffix}", "ns", () => LocalLimits.DecisionNanosecondsGivenTime(tokens, keys, decisions));
            report.Measure($"limits.local_sliding_decision_ns{suffix}", "ns", () => LocalLimits.DecisionNanoseconds(window, keys, decisions));
        }
        report.Measure("limits.local_decision_ns.threads4", "ns", () => LocalLimits.ParallelNanoseconds(4, 1_000, decisions));
        report.Measure("limits.local_decision_ns.threads4_one_key", "ns", () => LocalLimits.ParallelNanoseconds(4, 1, decisions));
        report.Measure("limits.local_decision_bytes", "B", () => LocalLimits.AllocatedBytes(1_000_000));
        const int clients = 10_000_000;
        var weights = Enumerable.Range(0, report.Runs).Select(_ => LocalLimits.Weigh(clients)).ToList();
        report.Add("limits.clients_10m_resident_mb", "MB", weights.Select(weight => weight.Live));
        report.Add("limits.clients_10m_tables_mb", "MB", weights.Select(weight => weight.Tables));
        report.Add("limits.clients_10m_idle_resident_mb", "MB", weights.Select(weight => weight.Idle));
        report.Add("limits.clients_10m_insert_ns", "ns", weights.Select(weight => weight.InsertNanoseconds));
        await report.WriteAsync(resultsDir, cancellationToken);
    }
}
