using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

public sealed class DeferredLimiterTests(RedisFixture fixture) : IClassFixture<RedisFixture>
{
    /// <summary>A slow machine must not fall back to local limits in the middle of a count.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly MonotonicClock _clock = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1.0, 1)]
    [InlineData(0.25, 4)]
    [InlineData(0.1, 10)]
    public void Processes_that_share_a_thousand_a_second_stay_within_a_percent_of_it(double share, int processes)
    {
        // A model of the store and of time: each process is flooded, and told 5 ms after it took, by turns.
        var rule = new DeferredRule(1000, share, 50_000_000);
        var bucket = new TokenBucket(1000, 1000, TimeSpan.FromSeconds(1));
        var states = new DeferredState[processes];
        long fullAt = 0, allowed = 0;
        const long Step = 250_000, Seconds = 10;
        for (long now = Step; now < Seconds * MonotonicClock.NanosecondsPerSecond; now += Step)
        {
            for (var i = 0; i < processes; i++)
            {
                for (var request = 0; request < 5; request++) allowed += rule.Take(ref states[i], now, out _, out _).IsAllowed ? 1 : 0;
                if (((now / Step) + (i * 20 / processes)) % 20 != 0) continue;
                var missing = Math.Min(Math.Max(fullAt - now, 0) + (DeferredRule.Tell(ref states[i]) * bucket.NanosecondsPerToken), 2 * 1000 * bucket.NanosecondsPerToken);
                fullAt = now + missing;
                var remaining = Math.Max(0, ((1000 * bucket.NanosecondsPerToken) - missing) / bucket.NanosecondsPerToken);
                rule.Hear(ref states[i], remaining, remaining > 0 ? 0 : missing + bucket.NanosecondsPerToken - (1000 * bucket.NanosecondsPerToken), missing, now);
            }
        }
        // What the bucket held at the start, and what it gained.
        allowed.ShouldBeInRange((long)(0.985 * 1000 * (Seconds + 1)), (long)(1.01 * 1000 * (Seconds + 1)));
    }

    [Fact]
    public void A_key_that_others_have_used_up_is_allowed_its_share_once_and_then_refused_until_there_is_something()
    {
        var rule = new DeferredRule(100, 0.25, 50_000_000);
        var state = default(DeferredState);
        var allowed = Enumerable.Range(0, 100).Count(_ => rule.Take(ref state, 1, out var _, out var _).IsAllowed);
        allowed.ShouldBe(25);
        DeferredRule.Tell(ref state).ShouldBe(25);
        rule.Hear(ref state, remaining: 0, retryNanoseconds: 260_000_000, resetNanoseconds: 1_260_000_000, now: 2);
        rule.Take(ref state, 1000, out var queued, out _).IsAllowed.ShouldBeFalse();
        queued.ShouldBeFalse();
        rule.Take(ref state, 260_000_001, out _, out _).RetryAfter.ShouldBe(TimeSpan.FromTicks(1));
        rule.Take(ref state, 260_000_002, out queued, out _).IsAllowed.ShouldBeTrue();
        queued.ShouldBeTrue();
        rule.Take(ref state, 260_000_003, out _, out _).IsAllowed.ShouldBeFalse();
    }

    [Fact]
    public void What_could_not_be_told_is_owed_until_it_is()
    {
        var rule = new DeferredRule(100, 0.5, 50_000_000);
        var state = default(DeferredState);
        for (var i = 0; i < 10; i++) rule.Take(ref state, 1, out _, out _);
        DeferredRule.Tell(ref state).ShouldBe(10);
        rule.Take(ref state, 2, out _, out _);
        DeferredRule.Tell(ref state).ShouldBe(0); // one at a time
        rule.Miss(ref state);
        DeferredRule.Tell(ref state).ShouldBe(11);
        rule.IsIdle(state, long.MaxValue).ShouldBeFalse();
    }

    [Fact]
    public async Task Four_gateways_that_share_a_thousand_a_second_through_redis_stay_within_a_percent_of_it()
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var clients = Enumerable.Range(0, 4).Select(_ => fixture.Connect()).ToList();
        var limiters = clients.Select(client => DeferredLimiter.Of(new TokenBucket(1000, 1000, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "deferred", StoreDurationMax = Patience }, client, _clock)).ToList();
        var telling = limiters.Select(limiter => limiter.RunAsync(stopping.Token)).ToList();
        var began = _clock.Now;
        long allowed = 0, asked = 0;
        await Task.WhenAll(limiters.Select(limiter => Task.Factory.StartNew(() => // threads of their own: the pool's must be free to tell
        {
            // Until enough went through and not for so many seconds: a machine that is starved hands out less in a second, and may.
            while (Volatile.Read(ref allowed) < 5000 && _clock.Now - began < 60 * MonotonicClock.NanosecondsPerSecond)
            {
                Interlocked.Increment(ref asked);
                if (limiter.Take("one key"u8, _clock.Now).IsAllowed) Interlocked.Increment(ref allowed);
                else Thread.Yield();
            }
        }, Cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        var seconds = (_clock.Now - began) / 1e9;
        var told = limiters.Sum(limiter => limiter.Told);
        TestContext.Current.TestOutputHelper?.WriteLine($"{allowed} of {asked} in {seconds:0.000} s, {told} commands");
        allowed.ShouldBeLessThanOrEqualTo((long)((1000 + (1000 * seconds)) * 1.01) + 4);
        allowed.ShouldBeGreaterThanOrEqualTo(5000); // it closes for nobody for ever
        told.ShouldBeLessThan((long)(4 * 250 * seconds)); // by their count and not by that of the requests
        await EndAsync(stopping, telling, clients);
    }

    [Fact]
    public async Task A_flood_of_one_key_over_its_limit_costs_a_few_commands_however_large_it_is()
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var limiter = DeferredLimiter.Of(new TokenBucket(10, 10, TimeSpan.FromDays(1)), new SharedLimiterOptions { Name = "deferred-flood", ShareWhenAway = 1, StoreDurationMax = Patience }, fixture.Redis, _clock);
        var telling = limiter.RunAsync(stopping.Token);
        for (var i = 0; i < 10; i++) limiter.Take("k"u8, _clock.Now).IsAllowed.ShouldBeTrue();
        await Eventually.TrueAsync(() => limiter.Told >= 1 && limiter.Take("k"u8, _clock.Now).RetryAfter > TimeSpan.FromHours(1), "the store said how long nothing is left");
        var before = limiter.Told;
        for (var i = 0; i < 100_000; i++) limiter.Take("k"u8, _clock.Now).IsAllowed.ShouldBeFalse();
        limiter.Told.ShouldBe(before);
        before.ShouldBeLessThan(4);
        await EndAsync(stopping, [telling], []);
    }

    [Fact]
    public async Task A_window_is_shared_too_and_counts_the_keys_of_limiters_that_wait()
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var rule = new SlidingWindow(20, TimeSpan.FromHours(1));
        var options = new SharedLimiterOptions { Name = "both", ShareWhenAway = 1, StoreDurationMax = Patience };
        var (waiting, deferred) = (SharedLimiter.Of(rule, options, fixture.Redis, _clock), DeferredLimiter.Of(rule, options, fixture.Redis, _clock));
        var telling = deferred.RunAsync(stopping.Token);
        for (var i = 0; i < 15; i++) deferred.Take("user"u8, _clock.Now).IsAllowed.ShouldBeTrue();
        await Eventually.TrueAsync(async () => (await waiting.TakeAsync("user", 0, Cancel)).Decision.Remaining == 5, "the takes are in the store");
        for (var i = 0; i < 5; i++) (await waiting.TakeAsync("user", 1, Cancel)).IsAllowed.ShouldBeTrue();
        (await waiting.TakeAsync("user", 1, Cancel)).IsAllowed.ShouldBeFalse();
        using var lifetime = await fixture.Redis.CallAsync(["PTTL", "limit:window:both:user"], Cancel);
        lifetime.Root.Integer.ShouldBeGreaterThan(0);
        await EndAsync(stopping, [telling], []);
    }

    [Fact]
    public async Task Without_redis_each_process_allows_its_share_and_with_it_again_the_whole()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var client = RedisClient.Create(RedisOptions.Parse($"redis://127.0.0.1:{server.Port}"));
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var limiter = DeferredLimiter.Of(new TokenBucket(40, 40, TimeSpan.FromHours(1)), new SharedLimiterOptions { Name = "away", AwayDuration = TimeSpan.FromMilliseconds(50) }, client, _clock);
        var telling = limiter.RunAsync(stopping.Token);
        server.Kill();
        limiter.Take("first"u8, _clock.Now).IsAllowed.ShouldBeTrue();
        await Eventually.TrueAsync(() => limiter.IsAway, "the outage was noticed");
        Enumerable.Range(0, 100).Count(_ => limiter.Take("second"u8, _clock.Now).IsAllowed).ShouldBe(10);
        await server.RestartAsync();
        await Eventually.TrueAsync(() => !limiter.IsAway, "the return was noticed");
        limiter.Take("third"u8, _clock.Now).IsAllowed.ShouldBeTrue();
        await Eventually.TrueAsync(async () =>
        {
            using var value = await client.GetAsync("limit:bucket:away:third", Cancel);
            return !value.IsNull;
        }, "takes are told again");
        await EndAsync(stopping, [telling], []);
    }

    [Fact]
    public void A_decision_about_a_known_key_allocates_nothing()
    {
        var limiter = DeferredLimiter.Of(new TokenBucket(1_000_000, 1_000, TimeSpan.FromSeconds(1)), new SharedLimiterOptions { Name = "bytes", ShareWhenAway = 1 }, fixture.Redis, _clock);
        limiter.Take("k"u8, _clock.Now); // queued, and nobody tells
        Allocations.Of(() =>
        {
            for (var i = 0; i < 1000; i++) limiter.Take("k"u8, 1);
        }).ShouldBe(0);
    }

    private static async Task EndAsync(CancellationTokenSource stopping, IReadOnlyList<Task> telling, IReadOnlyList<RedisClient> clients)
    {
        await stopping.CancelAsync();
        foreach (var task in telling) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var client in clients) await client.DisposeAsync();
    }
}
