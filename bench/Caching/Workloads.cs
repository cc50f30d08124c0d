namespace SkyRiff.Bench.Caching;

/// <summary>Request streams, the same for every policy.</summary>
internal static class Workloads
{
    private const int Capacity = 5_000;

    /// <summary>At least two of each kind, so that no policy is made for one of them; the streams are endless.</summary>
    public static IEnumerable<(string Name, int Capacity, IEnumerable<long> Keys)> All(int requests, int run)
    {
        var seed = 100 * run;

        // A feed: half a million works, a few of which everybody asks for.
        yield return ("zipf090", Capacity, Zipf(500_000, 0.9, seed + 1));
        yield return ("zipf110", Capacity, Zipf(500_000, 1.1, seed + 2));
        yield return ("zipf090_small_cache", Capacity / 10, Zipf(500_000, 0.9, seed + 3));

        // The same with a crawler that reads every page once: every other request, or in spells.
        yield return ("zipf090_with_scan", Capacity, Mixed(Zipf(500_000, 0.9, seed + 4), Scan()));
        yield return ("zipf090_with_scans", Capacity, Bursts(Zipf(500_000, 0.9, seed + 5), Scan(), Capacity * 4));

        // Round and round through more than fits.
        yield return ("loop", Capacity, Loop(Capacity * 3 / 2));
        yield return ("loop_threefold", Capacity, Loop(Capacity * 3));

        // Other works are popular every so often: twenty times in the run, or too soon for any habit.
        yield return ("zipf090_shifting", Capacity, Shifting(Zipf(500_000, 0.9, seed + 6), requests / 20));
        yield return ("zipf100_shifting_slowly", Capacity, Shifting(Zipf(500_000, 1.0, seed + 7), requests / 5));
        yield return ("zipf090_shifting_fast", Capacity, Shifting(Zipf(500_000, 0.9, seed + 8), Capacity * 5));

        // Popularity moves on by one key every few requests: what is new is what is asked for.
        yield return ("newest", Capacity, Newest(Zipf(25_000, 0.9, seed + 9), 4));
        yield return ("newest_fast", Capacity, Newest(Zipf(25_000, 1.0, seed + 10), 2));
        yield return ("newest_slow", Capacity, Newest(Zipf(50_000, 0.8, seed + 11), 20));
        yield return ("newest_small_cache", Capacity / 5, Newest(Zipf(25_000, 0.9, seed + 12), 4));

        // The policy has to change its mind.
        yield return ("changing", Capacity, Loop(Capacity * 3 / 2).Take(requests / 3).Concat(Zipf(500_000, 0.9, seed + 13).Take(requests / 3)).Concat(Newest(Zipf(25_000, 0.9, seed + 14), 4)));
        yield return ("changing_back", Capacity, Zipf(500_000, 1.0, seed + 15).Take(requests / 4).Concat(Newest(Zipf(25_000, 0.9, seed + 16), 4).Take(requests / 4))
            .Concat(Mixed(Zipf(500_000, 0.9, seed + 17), Scan()).Take(requests / 4)).Concat(Newest(Zipf(50_000, 0.8, seed + 18), 8)));
        yield return ("changing_to_loop", Capacity, Newest(Zipf(25_000, 0.9, seed + 19), 4).Take(requests / 2).Concat(Loop(Capacity * 3 / 2)));
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

    /// <summary>Three lengths of the first, one of the second.</summary>
    private static IEnumerable<long> Bursts(IEnumerable<long> first, IEnumerable<long> second, int length)
    {
        using var often = first.GetEnumerator();
        using var seldom = second.GetEnumerator();
        for (var asked = 0L; ; asked++)
        {
            var now = asked / length % 4 < 3 ? often : seldom;
            now.MoveNext();
            yield return now.Current;
        }
    }

    private static IEnumerable<long> Shifting(IEnumerable<long> ranks, int every)
    {
        var asked = 0L;
        foreach (var rank in ranks)
            yield return rank + (asked++ / every * 10_000_000);
    }

    private static IEnumerable<long> Newest(IEnumerable<long> ages, int every)
    {
        var asked = 0L;
        foreach (var age in ages)
            yield return (1L << 42) + (asked++ / every) - age;
    }
}
