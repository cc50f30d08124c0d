using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

public sealed class KeyedLimiterTests
{
    private const long Second = 1_000_000_000;

    private static readonly TokenBucket Bucket = new(5, 10, TimeSpan.FromSeconds(1));

    [Fact]
    public void Every_key_has_its_own_limit_whatever_the_table_does_meanwhile()
    {
        // Few slots and keys that collide on purpose: all high bits (the slot) are equal for three of four.
        var keys = Gen.Choose(1, 40).Select(number => new LimitKey(number % 4 == 0 ? (ulong)number << 33 : (ulong)number));
        var moves = Gen.ArrayOf(from key in keys
                                from ask in Gen.Choose(0, 120)
                                from cost in Gen.Choose(0, 6)
                                from kind in Gen.Choose(0, 9)
                                select (Key: key, After: ask * 1_000_000L, Cost: cost, Kind: kind)).Resize(400);
        Prop.ForAll(moves.ToArbitrary(), sequence =>
        {
            var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions { KeysMax = 1_000 });
            var model = new Dictionary<LimitKey, TokenBucketState>();
            var now = Second;
            foreach (var (key, after, cost, kind) in sequence)
            {
                now += after;
                var state = model.GetValueOrDefault(key);
                if (kind == 0)
                {
                    limiter.GiveBack(key, cost, now);
                    Bucket.GiveBack(ref state, cost, now);
                }
                else if (kind == 1)
                {
                    limiter.Sweep(now, limiter.Shards);
                }
                else if (limiter.Take(key, cost, now) != Bucket.Take(ref state, cost, now))
                {
                    return false;
                }
                model[key] = state;
            }
            return limiter.Evicted == 0;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Eight_threads_on_one_key_get_exactly_the_limit()
    {
        var limiter = KeyedLimiter.Of(new TokenBucket(1_000, 1, TimeSpan.FromDays(1)), new KeyedLimiterOptions());
        var key = LimitKey.Of(7);
        var allowed = 0;

        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                if (limiter.Take(key, 1, Second).IsAllowed) Interlocked.Increment(ref allowed);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        allowed.ShouldBe(1_000);
    }

    [Fact]
    public void Memory_falls_to_the_floor_when_everybody_is_idle()
    {
        var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions { KeysMax = 200_000 });
        var empty = limiter.Bytes;
        for (var i = 0; i < 150_000; i++) limiter.Take(LimitKey.Of(i), 1, Second).IsAllowed.ShouldBeTrue();
        limiter.Keys.ShouldBe(150_000);
        limiter.Bytes.ShouldBeLessThanOrEqualTo(limiter.BytesMax);

        limiter.Sweep(Second + 1, limiter.Shards).ShouldBe(0);
        limiter.Sweep(2 * Second, limiter.Shards).ShouldBe(150_000);

        limiter.Keys.ShouldBe(0);
        limiter.Bytes.ShouldBe(empty);
    }

    [Fact]
    public async Task The_sweeper_frees_all_idle_memory_within_its_turn()
    {
        var time = new FakeTime();
        var clock = new MonotonicClock(time);
        var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions { KeysMax = 200_000 });
        var empty = limiter.Bytes;
        for (var i = 0; i < 50_000; i++) limiter.Take(LimitKey.Of(i), 1, clock.Now);
        await using var sweeper = new LimitSweeper([limiter], time, Entropy.Seeded(1), NullLogger<LimitSweeper>.Instance);
        await sweeper.StartAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => time.Timers == 1, "The sweeper did not begin.");

        var from = time.GetUtcNow();
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(LimitSweeper.TurnDuration / 64);
                return limiter.Bytes == empty;
            },
            "The memory was not given back.");
        (time.GetUtcNow() - from).ShouldBeLessThan(TimeSpan.FromMinutes(10));
        limiter.Keys.ShouldBe(0);
    }

    [Fact]
    public void Newcomers_take_the_places_of_idle_keys_without_any_sweep()
    {
        var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions { KeysMax = 10_000 });
        for (var i = 0; i < 1_000_000; i++) limiter.Take(LimitKey.Of(i), 1, Second + (i * 100_000L)); // 10,000 new keys a second, idle after 0.1 s

        limiter.Keys.ShouldBeLessThan(10_000);
        limiter.Evicted.ShouldBe(0);
    }

    [Fact]
    public void A_flood_of_invented_keys_stays_in_bounds_and_frees_nobody_who_is_over_the_limit()
    {
        var limiter = KeyedLimiter.Of(new TokenBucket(100, 1, TimeSpan.FromSeconds(1)), new KeyedLimiterOptions { KeysMax = 10_000 });
        var guilty = Enumerable.Range(0, 100).Select(i => LimitKey.Of(0, i)).ToList();
        foreach (var key in guilty) limiter.Take(key, 100, Second).IsAllowed.ShouldBeTrue();

        for (var i = 0; i < 200_000; i++) limiter.Take(LimitKey.Of(1, i), 1, Second);

        foreach (var key in guilty) limiter.Take(key, 1, Second).IsAllowed.ShouldBeFalse();
        limiter.Bytes.ShouldBeLessThanOrEqualTo(limiter.BytesMax);
        limiter.Evicted.ShouldBeGreaterThan(170_000);
    }

    [Fact]
    public void A_full_table_of_holders_refuses_newcomers_and_forgets_nobody()
    {
        var limiter = KeyedLimiter.Of(new ConcurrencyLimit(1), new KeyedLimiterOptions { KeysMax = 100 });
        var held = new List<LimitKey>();
        for (var i = 0; i < 1_000; i++)
        {
            if (limiter.Take(LimitKey.Of(i), 1, Second).IsAllowed) held.Add(LimitKey.Of(i));
        }

        held.Count.ShouldBeInRange(100, 300);
        foreach (var key in held) limiter.Take(key, 1, Second).IsAllowed.ShouldBeFalse();
        limiter.Evicted.ShouldBe(0);

        limiter.GiveBack(held[0], 1, Second);
        limiter.Take(held[0], 1, Second).IsAllowed.ShouldBeTrue();
    }

    [Fact]
    public void Looking_remembers_nobody()
    {
        var limiter = KeyedLimiter.Of(Bucket, new KeyedLimiterOptions());

        for (var i = 0; i < 100; i++) limiter.Take(LimitKey.Of(i), 0, Second).Remaining.ShouldBe(5);
        limiter.Take(LimitKey.Of(1), 6, Second).RetryAfter.ShouldBe(LimitDecision.Never);

        limiter.Keys.ShouldBe(0);
    }

    [Fact]
    public void The_rings_of_exact_windows_are_counted_and_freed()
    {
        var limiter = KeyedLimiter.Of(new ExactSlidingWindow(10, TimeSpan.FromDays(1)), new KeyedLimiterOptions { KeysMax = 1_000 });
        var empty = limiter.Bytes;
        for (var i = 0; i < 100; i++)
        {
            for (var take = 0; take < 11; take++) limiter.Take(LimitKey.Of(i), 1, (i * Second) + take).IsAllowed.ShouldBe(take < 10);
        }

        limiter.Bytes.ShouldBeGreaterThan(empty + (100 * 16 * 16));
        limiter.Sweep(86_500 * 2 * Second, limiter.Shards).ShouldBe(100);
        limiter.Bytes.ShouldBe(empty);
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        KeyedLimiter[] limiters =
        [
            KeyedLimiter.Of(Bucket, new KeyedLimiterOptions()),
            KeyedLimiter.Of(new SlidingWindow(1_000, TimeSpan.FromSeconds(60)), new KeyedLimiterOptions()),
            KeyedLimiter.Of(new ExactSlidingWindow(10, TimeSpan.FromSeconds(1)), new KeyedLimiterOptions()),
            KeyedLimiter.Of(new ConcurrencyLimit(5), new KeyedLimiterOptions()),
        ];
        var address = System.Net.IPAddress.Parse("2001:db8::1");
        foreach (var limiter in limiters)
        {
            long Round(int rounds)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < rounds; i++)
                {
                    var key = i % 2 == 0 ? LimitKey.Of(i % 100) : LimitKey.Of(address);
                    limiter.Take(key, 1, Second + (i * 1_000_000L));
                }
                return GC.GetAllocatedBytesForCurrentThread() - before;
            }

            Round(20_000);
            Round(20_000).ShouldBe(0);
        }
    }

    [Fact]
    public void An_ipv6_client_is_its_64_and_a_mapped_address_is_the_ipv4_address()
    {
        static LimitKey Key(string address) => LimitKey.Of(System.Net.IPAddress.Parse(address));

        Key("2001:db8:1:2::1").ShouldBe(Key("2001:db8:1:2:ffff::9"));
        Key("2001:db8:1:2::1").ShouldNotBe(Key("2001:db8:1:3::1"));
        Key("::ffff:192.0.2.1").ShouldBe(Key("192.0.2.1"));
        Key("192.0.2.1").ShouldNotBe(Key("192.0.2.2"));
        LimitKey.OfAddress([192, 0, 2, 1]).ShouldBe(Key("192.0.2.1"));
        Should.Throw<ArgumentException>(() => LimitKey.OfAddress([1, 2, 3]));
    }
}
