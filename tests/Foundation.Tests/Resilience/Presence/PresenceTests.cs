using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Presence;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Presence;

public sealed class PresenceTests(RedisFixture fixture) : IClassFixture<RedisFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_beats_is_online_counted_and_listed_across_processes()
    {
        var board = Make("seen");
        (await board.BeatAsync([.. Enumerable.Range(1, 1_000).Select(id => (long)id)], Cancel)).ShouldBe(1_000);
        (await board.BeatAsync([500, 2_000], Cancel)).ShouldBe(1);

        await using var otherRedis = fixture.Connect();
        var other = new PresenceBoard(board.Options, otherRedis);
        (await other.CountAsync(Cancel)).ShouldBe(1_001);
        (await other.OnlineAmongAsync([1, 1_000, 1_001, 2_000, -5], Cancel)).ShouldBe([1L, 1_000, 2_000], ignoreOrder: true);
        (await other.LatestAsync(3, Cancel)).Count.ShouldBe(3);
        await foreach (var key in fixture.Redis.ScanKeysAsync("presence:seen:*", 100, Cancel))
        {
            (await fixture.Redis.TimeToLiveAsync(key.GetString()!, Cancel)).ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public async Task After_a_crash_everybody_fades()
    {
        var board = Make("crash", lifetime: 400, grace: 100);
        await board.BeatAsync([1, 2, 3], Cancel);
        (await board.CountAsync(Cancel)).ShouldBe(3);
        await Eventually.TrueAsync(
            async () =>
            {
                await board.BeatAsync([3], Cancel);
                return (await board.OnlineAmongAsync([1, 2, 3], Cancel)).SetEquals([3]) && await board.CountAsync(Cancel) == 1;
            },
            "The members of the crashed process did not fade.");
    }

    [Fact]
    public async Task Who_leaves_stays_for_the_grace_and_another_connection_keeps_it()
    {
        var board = Make("leave", lifetime: 60_000, grace: 200);
        await board.BeatAsync([1, 2], Cancel);
        await board.LeaveAsync([1, 2, 3], Cancel);
        (await board.OnlineAmongAsync([1, 2, 3], Cancel)).ShouldBe([1L, 2], ignoreOrder: true);
        await board.BeatAsync([2], Cancel);
        await Eventually.TrueAsync(async () => (await board.OnlineAmongAsync([1, 2], Cancel)).SetEquals([2]), "The one who left is still online.");
    }

    [Fact]
    public async Task A_shard_is_bounded_and_forgets_the_longest_unheard()
    {
        var board = new PresenceBoard(new PresenceOptions { Name = "bounded", Shards = 1, MembersPerShardMax = 50 }, fixture.Redis);
        for (var batch = 0; batch < 5; batch++)
        {
            var begun = batch * 40;
            await board.BeatAsync([.. Enumerable.Range(begun, 40).Select(id => (long)id)], Cancel);
        }
        (await board.CountAsync(Cancel)).ShouldBe(50);
        (await board.OnlineAmongAsync([0], Cancel)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_loop_tells_who_comes_and_goes_and_takes_all_along_when_it_stops()
    {
        var board = Make("loop", lifetime: 60_000, grace: 150);
        var time = new FakeTime();
        await using var loop = new PresenceLoop(board, time, Entropy.System, NullLogger<PresenceLoop>.Instance);
        loop.Enter(1);
        loop.Enter(1);
        loop.Enter(2);
        await loop.StartAsync(Cancel);
        await Eventually.TrueAsync(async () => await board.CountAsync(Cancel) == 2, "Nobody came.");

        loop.Leave(1);
        loop.Leave(2);
        loop.Leave(2);
        loop.Connected.ShouldBe(1);
        await Eventually.TrueAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return (await board.OnlineAmongAsync([1, 2], Cancel)).SetEquals([1]);
            },
            "The one who left is still online.");

        await loop.StopAsync(Cancel);
        await Eventually.TrueAsync(async () => await board.CountAsync(Cancel) == 0, "The stopped process left somebody online.");
    }

    private PresenceBoard Make(string name, int lifetime = 60_000, int grace = 20_000) =>
        new(new PresenceOptions { Name = name, Lifetime = TimeSpan.FromMilliseconds(lifetime), LeaveGrace = TimeSpan.FromMilliseconds(grace) }, fixture.Redis);
}
