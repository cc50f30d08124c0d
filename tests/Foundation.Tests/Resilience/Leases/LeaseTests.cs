using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Leases;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Leases;

public sealed class LeaseTests(RedisFixture fixture) : IClassFixture<RedisFixture>
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    private readonly LeaseStore _store = Store(fixture.Redis);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_holds_it_and_every_next_holder_has_a_larger_fence()
    {
        long fence = 0;
        for (var i = 0; i < 20; i++)
        {
            await using var lease = (await _store.TryAcquireAsync("one", Short, Cancel)).ShouldNotBeNull();
            lease.IsHeld.ShouldBeTrue();
            lease.Fence.ShouldBeGreaterThan(fence);
            fence = lease.Fence;
            (await _store.TryAcquireAsync("one", Short, Cancel)).ShouldBeNull();
        }
        (await fixture.Redis.TimeToLiveAsync("lease:one", Cancel)).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task It_outlives_its_duration_by_renewal_and_waiting_gets_it_after_release()
    {
        var lease = (await _store.TryAcquireAsync("long", Short, Cancel)).ShouldNotBeNull();
        var clock = new MonotonicClock(TimeProvider.System);
        var end = clock.Now + MonotonicClock.Nanoseconds(Short * 4);
        var waiting = _store.AcquireAsync("long", Short, Cancel);
        await Eventually.TrueAsync(() => clock.Now > end || waiting.IsCompleted || !lease.IsHeld, "Time stood still.");
        lease.IsHeld.ShouldBeTrue();
        waiting.IsCompleted.ShouldBeFalse();

        await lease.DisposeAsync();

        lease.IsHeld.ShouldBeFalse();
        await using var next = await waiting;
        next.Fence.ShouldBeGreaterThan(lease.Fence);
        lease.Lost.IsCancellationRequested.ShouldBeFalse();
    }

    [Fact]
    public async Task Who_lost_it_is_told_and_cannot_take_it_from_the_next()
    {
        var lease = (await _store.TryAcquireAsync("lost", Short, Cancel)).ShouldNotBeNull();
        await fixture.Redis.DeleteAsync("lease:lost", Cancel);
        await using var next = (await _store.TryAcquireAsync("lost", TimeSpan.FromMinutes(1), Cancel)).ShouldNotBeNull();

        await Eventually.TrueAsync(() => lease.Lost.IsCancellationRequested, "The loss was not noticed.");

        lease.IsHeld.ShouldBeFalse();
        Should.Throw<ResilienceException>(lease.ThrowIfLost).Kind.ShouldBe(ResilienceFault.LeaseLost);
        next.Fence.ShouldBeGreaterThan(lease.Fence); // although Redis had forgotten the last one
        await lease.DisposeAsync();
        next.IsHeld.ShouldBeTrue();
        (await _store.TryAcquireAsync("lost", Short, Cancel)).ShouldBeNull();
    }

    [Fact]
    public async Task Without_redis_it_is_lost_when_it_runs_out_and_asking_is_a_fault()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(server.SocketPath)], TimeLimit = TimeSpan.FromMilliseconds(200) });
        var store = Store(redis);
        var lease = (await store.TryAcquireAsync("away", Short, Cancel)).ShouldNotBeNull();

        server.Kill();
        await Eventually.TrueAsync(() => lease.Lost.IsCancellationRequested, "The loss was not noticed.");

        (await Should.ThrowAsync<ResilienceException>(store.TryAcquireAsync("away", Short, Cancel))).Kind.ShouldBe(ResilienceFault.StoreAway);
        await lease.DisposeAsync();
    }

    [Fact]
    public async Task Many_who_want_it_have_it_one_after_the_other()
    {
        var (inside, most, done) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            await using var redis = fixture.Connect();
            await using var lease = await Store(redis).AcquireAsync("many", Short, Cancel);
            most = Math.Max(most, Interlocked.Increment(ref inside));
            await redis.PingAsync(Cancel);
            Interlocked.Decrement(ref inside);
            Interlocked.Increment(ref done);
        }));
        (most, done).ShouldBe((1, 8));
    }

    private static LeaseStore Store(RedisClient redis) => new(redis, TimeProvider.System, Entropy.System, NullLogger<LeaseStore>.Instance);
}
