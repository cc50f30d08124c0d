using Shouldly;
using SkyRiff.Caching.Local;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>Who stays in memory, on seeded requests; each entry weighs one. The cache benchmark has more workloads, policies and seeds.</summary>
public sealed class ReplacementTests
{
    private const int Capacity = 1_000;
    private const int Requests = 200_000;

    [Theory]
    [InlineData(4, 1)]
    [InlineData(4, 2)]
    [InlineData(20, 3)]
    public void Where_what_is_new_is_asked_for_it_is_level_with_LRU(int requestsPerNewKey, int seed)
    {
        var keys = Newest(Zipf(5_000, 0.9, seed), requestsPerNewKey);
        HitRate(new Policy(Capacity), keys).ShouldBeGreaterThan(HitRate(new Lru(Capacity), keys) - 0.5);
    }

    [Theory]
    [InlineData(5_000, 1)]
    [InlineData(20_000, 2)]
    public void Where_what_is_popular_changes_it_is_level_with_LRU(int requestsPerChange, int seed)
    {
        var keys = Zipf(100_000, 0.9, seed).Select((rank, index) => rank + (index / requestsPerChange * 1_000_000L)).Take(Requests).ToArray();
        HitRate(new Policy(Capacity), keys).ShouldBeGreaterThan(HitRate(new Lru(Capacity), keys) - 0.5);
    }

    [Theory]
    [InlineData(0.9, 8, 1)]
    [InlineData(1.1, 4, 2)]
    public void Where_popularity_lasts_it_is_far_ahead_of_LRU(double exponent, double ahead, int seed)
    {
        var keys = Zipf(100_000, exponent, seed).Take(Requests).ToArray();
        HitRate(new Policy(Capacity), keys).ShouldBeGreaterThan(HitRate(new Lru(Capacity), keys) + ahead);
    }

    [Fact]
    public void A_loop_through_more_than_fits_hits_also_after_what_is_new_was_asked_for()
    {
        var loop = Enumerable.Range(0, Requests).Select(index => (1L << 50) + (index % (Capacity * 3 / 2))).ToArray();
        HitRate(new Policy(Capacity), loop).ShouldBeGreaterThan(60);
        HitRate(new Policy(Capacity), [.. Newest(Zipf(5_000, 0.9, 1), 4), .. loop]).ShouldBeGreaterThan(50);
    }

    [Fact]
    public void A_newcomer_is_there_after_it_came_however_hot_the_others_are()
    {
        var policy = new Policy(Capacity);
        for (var round = 0; round < 20; round++)
        {
            for (var key = 0L; key < Capacity; key++)
                policy.Ask(key);
        }

        for (var key = 10_000L; key < 15_000; key++)
        {
            for (var hot = 0L; hot < Capacity; hot += 7)
                policy.Ask(hot);
            policy.Ask(key).ShouldBeFalse();
            policy.Ask(key).ShouldBeTrue("it was driven out at once");
            policy.Count.ShouldBeLessThanOrEqualTo(Capacity);
        }
    }

    [Fact]
    public void A_newcomer_that_is_larger_than_the_window_is_there_too_and_the_bound_holds()
    {
        var policy = new Policy(Capacity);
        for (var key = 0L; key < 2_000; key++)
        {
            policy.Ask(key, weight: 60);
            policy.Ask(key, weight: 60).ShouldBeTrue("it was driven out at once");
            policy.Weight.ShouldBeLessThanOrEqualTo(Capacity);
        }
    }

    [Fact]
    public void The_window_grows_by_its_own_regrets_shrinks_by_those_of_main_and_must_go_on_proving_itself()
    {
        var balance = new WindowBalance(Capacity);
        var next = 1UL;
        Regret(100, balance.OnLeftWindow);
        balance.WindowMax.ShouldBeInRange(200, 210);
        Regret(50, balance.OnLeftMain);
        balance.WindowMax.ShouldBeInRange(100, 110);

        // Who left longer ago than what an eighth of the room would hold is no regret.
        var longAgo = Hash();
        balance.OnLeftWindow(longAgo, 1);
        for (var i = 0; i < Capacity / 8; i++)
            balance.OnLeftWindow(Hash(), 1);
        var before = balance.WindowMax;
        balance.OnNewcomer(longAgo, 1, Capacity);
        balance.WindowMax.ShouldBeLessThanOrEqualTo(before);

        Regret(10_000, balance.OnLeftWindow);
        balance.WindowMax.ShouldBe(990);
        for (var i = 0; i < 100_000; i++)
            balance.OnNewcomer(Hash(), 1, Capacity);
        balance.WindowMax.ShouldBeInRange(680, 700, "it lost three thousandths of an entry per newcomer");

        ulong Hash() => next++ * 0x9E3779B97F4A7C15;

        void Regret(int times, Action<ulong, int> leave)
        {
            for (var i = 0; i < times; i++)
            {
                var hash = Hash();
                leave(hash, 1);
                balance.OnNewcomer(hash, 1, Capacity);
            }
        }
    }

    /// <summary>In percent, over the second half.</summary>
    private static double HitRate(IAsked cache, long[] keys)
    {
        var hits = 0;
        for (var index = 0; index < keys.Length; index++)
        {
            if (cache.Ask(keys[index]) && index >= keys.Length / 2)
                hits++;
        }

        return 100.0 * hits / (keys.Length - (keys.Length / 2));
    }

    private static long[] Newest(IEnumerable<long> ages, int requestsPerNewKey) => [.. ages.Take(Requests).Select((age, index) => (1L << 40) + (index / requestsPerNewKey) - age)];

    private static IEnumerable<long> Zipf(int keys, double exponent, int seed)
    {
        var sum = 0.0;
        var cumulated = Enumerable.Range(1, keys).Select(rank => sum += 1 / Math.Pow(rank, exponent)).ToArray();
        var random = new Random(seed);
        while (true)
        {
            var at = Array.BinarySearch(cumulated, random.NextDouble() * sum);
            yield return at < 0 ? ~at : at;
        }
    }

    private interface IAsked
    {
        bool Ask(long key);
    }

    private sealed class Policy(int weightMax) : IAsked
    {
        private readonly Dictionary<long, Entry> _entries = [];
        private readonly ClockTinyLfu _policy = new(weightMax);
        private readonly List<LocalEntry> _evicted = [];

        public int Count => _entries.Count;

        public long Weight => _policy.Weight;

        public bool Ask(long key) => Ask(key, weight: 1);

        public bool Ask(long key, int weight)
        {
            if (_entries.TryGetValue(key, out var there))
            {
                there.Touch();
                return true;
            }

            var entry = _entries[key] = new Entry(_entries, key, weight);
            _policy.Add(entry, _evicted);
            _evicted.ForEach(gone => gone.Unlist());
            _evicted.Clear();
            return false;
        }

        private sealed class Entry(Dictionary<long, Entry> entries, long key, int weight) : LocalEntry(LocalTier.HashOf(key.GetHashCode(), 1), weight)
        {
            public override void Unlist() => entries.Remove(key);
        }
    }

    private sealed class Lru(int capacity) : IAsked
    {
        private readonly Dictionary<long, LinkedListNode<long>> _nodes = [];
        private readonly LinkedList<long> _order = new();

        public bool Ask(long key)
        {
            if (_nodes.TryGetValue(key, out var node))
            {
                _order.Remove(node);
                _order.AddFirst(node);
                return true;
            }

            _nodes[key] = _order.AddFirst(key);
            if (_nodes.Count > capacity)
            {
                _nodes.Remove(_order.Last!.Value);
                _order.RemoveLast();
            }

            return false;
        }
    }
}
