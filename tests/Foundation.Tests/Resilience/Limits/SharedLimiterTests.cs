using System.Diagnostics;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

public sealed class SharedLimiterTests(RedisFixture fixture) : IClassFixture<RedisFixture>
{
    private readonly MonotonicClock _clock = new(TimeProvider.System);
    private readonly RedisClient _redis = fixture.Redis;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_bucket_script_decides_exactly_like_the_bucket()
    {
        var rule = new TokenBucket(20, 2_000, TimeSpan.FromSeconds(1));
        var state = default(TokenBucketState);
        await ReplayAsync(SharedLimitScripts.TokenBucket, 500.0, 20, (cost, now) =>
        {
            if (cost >= 0) return rule.Take(ref state, cost, now);
            rule.GiveBack(ref state, -cost, now);
            return rule.Take(ref state, 0, now);
        });
    }

    [Fact]
    public async Task The_window_script_decides_exactly_like_the_window()
    {
        var rule = new SlidingWindow(20, TimeSpan.FromMilliseconds(5));
        var state = default(SlidingWindowState);
        await ReplayAsync(SharedLimitScripts.SlidingWindow, 5_000L, 20, (cost, now) =>
        {
            if (cost >= 0) return rule.Take(ref state, cost, now);
            rule.GiveBack(ref state, -cost, now);
            return rule.Take(ref state, 0, now);
        });
    }

    [Fact]
    public async Task The_exact_window_script_decides_exactly_like_the_exact_window()
    {
        var rule = new ExactSlidingWindow(20, TimeSpan.FromMilliseconds(5));
        var state = default(ExactSlidingWindowState);
        await ReplayAsync(SharedLimitScripts.ExactSlidingWindow, 5_000L, 20, (cost, now) =>
        {
            var looked = rule.Take(ref state, Math.Max(0, cost), now);
            if (cost >= 0) return looked;
            rule.GiveBack(ref state, -cost, now);
            return rule.Take(ref state, 0, now);
        });
    }

    /// <summary>A slow machine must not fall back to local limits in the middle of a count.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Four_processes_sharing_a_thousand_a_second_never_pass_more_than_1010_in_any_second()
    {
        var passed = await FloodAsync(redis => SharedLimiter.Of(new TokenBucket(10, 1_000, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "four", StoreDurationMax = Patience }, redis, _clock));
        MostInAnySecond(passed).ShouldBeInRange(1, 1_010);
    }

    [Fact]
    public async Task Four_processes_sharing_an_exact_window_of_a_thousand_pass_a_thousand_in_any_second()
    {
        var passed = await FloodAsync(redis => SharedLimiter.Of(new ExactSlidingWindow(1_000, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "exactly", StoreDurationMax = Patience }, redis, _clock));
        MostInAnySecond(passed).ShouldBeInRange(1, 1_000);
    }

    [Fact]
    public async Task A_flood_on_one_key_costs_redis_no_more_than_its_limit()
    {
        var limiter = SharedLimiter.Of(new TokenBucket(10, 10, TimeSpan.FromDays(1)), new SharedLimiterOptions { Name = "flood" }, _redis, _clock);
        var allowed = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var decision = await limiter.TakeAsync("attacker", 1, Cancel);
            if (decision.IsAllowed) allowed++;
            else decision.Decision.RetryAfter.ShouldBeInRange(TimeSpan.FromHours(2), TimeSpan.FromHours(2.4001));
        }
        allowed.ShouldBe(10);
        limiter.Asked.ShouldBe(10);

        // Another process, which has taken nothing itself, hears the refusal once.
        var other = SharedLimiter.Of(new TokenBucket(10, 10, TimeSpan.FromDays(1)), new SharedLimiterOptions { Name = "flood" }, _redis, _clock);
        for (var i = 0; i < 20_000; i++) (await other.TakeAsync("attacker", 1, Cancel)).IsAllowed.ShouldBeFalse();
        other.Asked.ShouldBe(1);
        (await other.TakeAsync("somebody", 1, Cancel)).IsAllowed.ShouldBeTrue();
    }

    [Fact]
    public async Task What_is_given_back_can_be_taken_again_by_anybody()
    {
        var rule = new ExactSlidingWindow(10, TimeSpan.FromDays(1));
        var one = SharedLimiter.Of(rule, new SharedLimiterOptions { Name = "back" }, _redis, _clock);
        var other = SharedLimiter.Of(rule, new SharedLimiterOptions { Name = "back" }, _redis, _clock);
        (await one.TakeAsync("u", 10, Cancel)).IsAllowed.ShouldBeTrue();
        (await one.TakeAsync("u", 1, Cancel)).IsAllowed.ShouldBeFalse();

        await one.GiveBackAsync("u", 4, Cancel);

        (await one.TakeAsync("u", 1, Cancel)).Decision.Remaining.ShouldBe(3);
        (await other.TakeAsync("u", 3, Cancel)).Decision.Remaining.ShouldBe(0);
        (await other.TakeAsync("u", 11, Cancel)).Decision.RetryAfter.ShouldBe(LimitDecision.Never);
    }

    [Fact]
    public async Task Every_key_has_a_lifetime()
    {
        SharedLimiter[] limiters =
        [
            SharedLimiter.Of(new TokenBucket(5, 1, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "ttl" }, _redis, _clock),
            SharedLimiter.Of(new SlidingWindow(5, TimeSpan.FromSeconds(60)), new SharedLimiterOptions { Name = "ttl" }, _redis, _clock),
            SharedLimiter.Of(new ExactSlidingWindow(5, TimeSpan.FromSeconds(60)), new SharedLimiterOptions { Name = "ttl" }, _redis, _clock),
        ];
        foreach (var limiter in limiters)
        {
            for (var take = 0; take < 8; take++) await limiter.TakeAsync("k", 1, Cancel);
            await limiter.GiveBackAsync("k", 2, Cancel);
            await limiter.GiveBackAsync("never-seen", 2, Cancel);
        }
        var held = new SharedConcurrency(new SharedConcurrencyOptions { Name = "ttl", Limit = 2 }, _redis, _clock, Entropy.System);
        await using var places = await held.TakeAsync("k", 2, Cancel);
        var keys = 0;
        await foreach (var key in _redis.ScanKeysAsync("limit:*:ttl:*", 100, Cancel))
        {
            keys++;
            (await _redis.TimeToLiveAsync(key.GetString()!, Cancel)).ShouldBeInRange(1, 121_000, key.GetString());
        }
        keys.ShouldBeGreaterThanOrEqualTo(4);
    }

    [Fact]
    public async Task Without_redis_each_process_allows_its_share_and_afterwards_redis_decides_again()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(server.SocketPath)] });
        var limiter = SharedLimiter.Of(
            new SlidingWindow(100, TimeSpan.FromHours(1)),
            new SharedLimiterOptions { Name = "away", ShareWhenAway = 0.25, StoreDurationMax = TimeSpan.FromMilliseconds(100), AwayDuration = TimeSpan.FromMilliseconds(300) },
            redis,
            _clock);
        (await limiter.TakeAsync("a", 1, Cancel)).By.ShouldBe(DecidedBy.Store);

        server.Kill();
        var allowed = 0;
        for (var i = 0; i < 200; i++)
        {
            var decision = await limiter.TakeAsync("b", 1, Cancel);
            decision.By.ShouldBe(DecidedBy.Fallback);
            if (decision.IsAllowed) allowed++;
        }
        allowed.ShouldBe(25);
        limiter.IsAway.ShouldBeTrue();
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < 1_000; i++) await limiter.TakeAsync("c", 1, Cancel);
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(10)); // asks once per AwayDuration, not a thousand times 100 ms

        await server.RestartAsync();
        await Eventually.TrueAsync(async () => (await limiter.TakeAsync("d", 0, Cancel)).By == DecidedBy.Store, "Redis was not asked again.");
        (await limiter.TakeAsync("b", 75, Cancel)).ShouldSatisfyAllConditions(decision => decision.IsAllowed.ShouldBeTrue(), decision => decision.By.ShouldBe(DecidedBy.Store));
    }

    [Fact]
    public async Task Places_are_shared_renewed_released_and_freed_after_a_crash()
    {
        var options = new SharedConcurrencyOptions { Name = "render", Limit = 3, HoldDuration = TimeSpan.FromMilliseconds(600) };
        await using var otherRedis = fixture.Connect();
        var one = new SharedConcurrency(options, _redis, _clock, Entropy.System);
        var other = new SharedConcurrency(options, otherRedis, _clock, Entropy.System);

        var first = await one.TakeAsync("u", 2, Cancel);
        first.Decision.Decision.Remaining.ShouldBe(1);
        var crashed = await other.TakeAsync("u", 1, Cancel);
        crashed.IsAllowed.ShouldBeTrue();
        await using (var refused = await other.TakeAsync("u", 1, Cancel)) (refused.IsAllowed, refused.Decision.By).ShouldBe((false, DecidedBy.Store));
        await using (var tooMany = await one.TakeAsync("u", 2, Cancel)) tooMany.Decision.By.ShouldBe(DecidedBy.Memory);

        await Eventually.TrueAsync(
            async () =>
            {
                (await first.RenewAsync(Cancel)).ShouldBeTrue();
                await using var freed = await other.TakeAsync("u", 1, Cancel);
                return freed.IsAllowed;
            },
            "The crashed holder's place did not come free.");
        (await crashed.RenewAsync(Cancel)).ShouldBeFalse();

        await first.DisposeAsync();
        await first.DisposeAsync();
        await using var all = await one.TakeAsync("u", 3, Cancel);
        all.IsAllowed.ShouldBeTrue();
    }

    [Fact]
    public async Task Bytes_are_as_good_an_id_as_text_and_a_refusal_from_memory_allocates_nothing()
    {
        var limiter = SharedLimiter.Of(new TokenBucket(2, 1, TimeSpan.FromDays(1)), new SharedLimiterOptions { Name = "bytes" }, _redis, _clock);
        byte[] address = [192, 0, 2, 1];
        (await limiter.TakeAsync(address, 2, Cancel)).Decision.Remaining.ShouldBe(0);
        (await limiter.TakeAsync((byte[])[192, 0, 2, 2], 1, Cancel)).IsAllowed.ShouldBeTrue();
        (await _redis.ExistsAsync((byte[])[.. "limit:bucket:bytes:"u8, .. address], Cancel)).ShouldBeTrue();

        long Refuse(int times)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < times; i++)
            {
                var refused = limiter.TakeAsync(address, 1, CancellationToken.None);
                if (!refused.IsCompletedSuccessfully || refused.Result.IsAllowed) return -1;
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Refuse(1_000);
        Refuse(1_000).ShouldBe(0);
    }

    [Fact]
    public void A_name_must_be_fit_for_a_key() =>
        Should.Throw<ArgumentException>(() => SharedLimiter.Of(new TokenBucket(1, 1, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "a b" }, _redis, _clock));

    // The script and the pure rule are asked the same at the same moments of the server's clock.
    private async Task ReplayAsync(RedisScript script, RedisArg unit, long limit, Func<long, long, LimitDecision> rule)
    {
        var random = Entropy.Seeded(11);
        RedisArg key = "replay:" + script.Hash;
        var refused = 0;
        for (var i = 0; i < 4_000; i++)
        {
            var cost = random.Next(20) switch { 0 => 0L, 1 => limit + 1, 2 => 1 + random.Next(5), 3 => -1 - random.Next(2), _ => 1 };
            using var reply = await _redis.EvaluateAsync(script, [key], [unit, limit, cost], Cancel);
            var answer = SharedLimiter.Read(reply, limit);
            var expected = rule(cost, answer.StoreTime * 1_000);
            if (cost < 0) answer = answer with { Decision = answer.Decision with { IsAllowed = true } };
            expected = expected with { Reset = WholeMicroseconds(expected.Reset), RetryAfter = WholeMicroseconds(expected.RetryAfter) };
            answer.Decision.ShouldBe(expected, $"ask {i} of {cost}");
            if (!answer.IsAllowed) refused++;
        }
        refused.ShouldBeInRange(100, 3_900); // both answers were seen
    }

    private static TimeSpan WholeMicroseconds(TimeSpan time) => time == LimitDecision.Never ? time : new((time.Ticks + 9) / 10 * 10);

    // Four clients, sixteen callers each, for two seconds; the server's time of everything that passed.
    private async Task<List<long>> FloodAsync(Func<RedisClient, SharedLimiter> make)
    {
        var passed = new List<long>();
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var redis = fixture.Connect();
            var limiter = make(redis);
            await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => CallAsync(limiter), Cancel)));
        }));
        passed.Count.ShouldBeGreaterThan(1_300);
        passed.Sort();
        return passed;

        async Task CallAsync(SharedLimiter limiter)
        {
            while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2))
            {
                var decision = await limiter.TakeAsync("everybody", 1, Cancel);
                if (decision.IsAllowed)
                {
                    decision.By.ShouldBe(DecidedBy.Store);
                    lock (passed) passed.Add(decision.StoreTime);
                }
                else
                {
                    await Task.Yield();
                }
            }
        }
    }

    private static int MostInAnySecond(List<long> times)
    {
        var (most, first) = (0, 0);
        for (var last = 0; last < times.Count; last++)
        {
            while (times[first] <= times[last] - 1_000_000) first++;
            most = Math.Max(most, last - first + 1);
        }
        return most;
    }
}
