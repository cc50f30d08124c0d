namespace SkyRiff.Bench.Caching;

/// <summary>Request streams, the same for every policy.</summary>
internal static class Workloads
{
    private const int Capacity = 5_000;

    public static IEnumerable<(string Name, int Capacity, long[] Keys)> All(int requests)
    {
        // A feed: half a million works, a few of which everybody asks for.
        yield return ("zipf090", Capacity, [.. Zipf(500_000, 0.9, 1).Take(requests)]);
        yield return ("zipf110", Capacity, [.. Zipf(500_000, 1.1, 2).Take(requests)]);

        // The same with a crawler that reads every page once: every other request.
        yield return ("zipf090_with_scan", Capacity, [.. Mixed(Zipf(500_000, 0.9, 3), Scan()).Take(requests)]);

        // Round and round through more than fits.
        yield return ("loop", Capacity, [.. Loop(Capacity * 3 / 2).Take(requests)]);

        // Other works are popular every tenth of the run.
        yield return ("zipf090_shifting", Capacity, [.. Shifting(Zipf(500_000, 0.9, 4), requests / 20).Take(requests)]);

        // Popularity moves on by one key every few requests: what is new is what is asked for.
        yield return ("newest", Capacity, [.. Newest(Zipf(25_000, 0.9, 5)).Take(requests)]);

        // Loop, then Zipf, then newest: the policy has to change its mind.
        yield return ("changing", Capacity, [.. Loop(Capacity * 3 / 2).Take(requests / 3), .. Zipf(500_000, 0.9, 6).Take(requests / 3), .. Newest(Zipf(25_000, 0.9, 7)).Take(requests / 3)]);
    }

    /// <summary>Key k (from 0) has weight 1 / (k + 1)^exponent.</summary>
    public static IEnumerable<long> Zipf(int keys, double exponent, int seed)
    {
        var cumulated = new double[keys];
        var sum = 0.0;
        for (var key = 0; key < keys; key++)
            cumulated[key] = sum += 1 / Math.Pow(key + 1, exponent);
        var random = new Random(seed);
        while (true)
        {
            var at = Array.BinarySearch(cumulated, random.NextDouble() * sum);
            yield return at < 0 ? ~at : at;
        }
    }

    private static IEnumerable<long> Scan()
    {
        for (var key = 1L << 40; ; key++)
            yield return key;
    }

    private static IEnumerable<long> Loop(int keys)
    {
        for (var key = 0L; ; key++)
            yield return (1L << 41) + (key % keys);
    }

    private static IEnumerable<long> Mixed(IEnumerable<long> first, IEnumerable<long> second) => first.Zip(second).SelectMany(pair => new[] { pair.First, pair.Second });

    private static IEnumerable<long> Shifting(IEnumerable<long> ranks, int every)
    {
        var asked = 0L;
        foreach (var rank in ranks)
            yield return rank + (asked++ / every * 10_000_000);
    }

    private static IEnumerable<long> Newest(IEnumerable<long> ages)
    {
        var asked = 0L;
        foreach (var age in ages)
            yield return (1L << 42) + (asked++ / 4) - age;
    }
}
