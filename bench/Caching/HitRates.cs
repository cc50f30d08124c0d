namespace SkyRiff.Bench.Caching;

/// <summary>Hit rates of the replacement policies on the same requests, measured over the second half of each run.</summary>
internal static class HitRates
{
    /// <summary>One rate per policy, workload and seed.</summary>
    public static IEnumerable<(string Name, double Percent)> Measure(int requests, int seeds) =>
        Enumerable.Range(0, seeds).SelectMany(seed => Workloads.All(requests, seed).Select(workload => (seed, workload)))
            .AsParallel().AsOrdered().SelectMany(run => Measure(run.workload.Name, run.workload.Capacity, [.. run.workload.Keys.Take(requests)], run.seed));

    private static List<(string Name, double Percent)> Measure(string workload, int capacity, long[] keys, int seed)
    {
        var rates = new List<(string Name, double Percent)>();
        foreach (var policy in new IReplacementPolicy[] { new Ours(capacity, seed), new S3Fifo(capacity), new Lru(capacity), new FrameworkMemoryCache(capacity) })
        {
            using (policy)
                rates.Add(($"{policy.Name}.hit_rate.{workload}", 100 * HitRate(policy, keys)));
        }

        return rates;
    }

    private static double HitRate(IReplacementPolicy policy, long[] keys)
    {
        var hits = 0;
        var half = keys.Length / 2;
        for (var index = 0; index < keys.Length; index++)
        {
            if (policy.Ask(keys[index]) && index >= half)
                hits++;
        }

        return hits / (double)(keys.Length - half);
    }
}
