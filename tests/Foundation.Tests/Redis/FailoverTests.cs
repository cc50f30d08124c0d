using System.Collections.Concurrent;
using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Redis.Cluster;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>A primary dies by kill -9 under load, and its replica takes over.</summary>
public sealed class FailoverTests(RedisClusterFixture fixture) : IClassFixture<RedisClusterFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_primary_costs_only_what_was_in_flight_and_every_answer_stays_right()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        var router = (ClusterRouter)redis.Router;
        var before = router.Refreshes;
        var unknown = 0;
        var done = new ConcurrentDictionary<int, int>();
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);

        // Each caller counts up its own key: an answer below what it saw before, plus what it does not know, would be a lie.
        var callers = Enumerable.Range(0, 64).Select(caller => Task.Run(async () =>
        {
            var (acknowledged, doubtful) = (0L, 0L);
            while (!stopping.IsCancellationRequested)
            {
                try
                {
                    var answer = await redis.IncrementAsync($"counter:{caller}", 1, Cancellation);
                    answer.ShouldBeLessThanOrEqualTo(acknowledged + doubtful + 1, "nobody else counts");
                    acknowledged = answer;
                    doubtful = 0;
                    done.AddOrUpdate(caller, 1, (_, n) => n + 1);
                }
                catch (RedisException failure) when (failure.MayHaveRun)
                {
                    doubtful++;
                    Interlocked.Increment(ref unknown);
                }
            }
        }, CancellationToken.None)).ToArray();

        await Eventually.TrueAsync(() => done.Count == 64, "the callers did not start");
        var victim = router.PrimaryOf(KeySlot.Of("counter:0"u8)).Endpoint;
        fixture.Cluster.ServerAt(victim.Port).Kill();
        await Eventually.TrueAsync(() => router.Primaries.All(node => node.Endpoint != victim), "the client did not learn of the failover");
        var mark = done.ToDictionary();
        await Eventually.TrueAsync(() => done.All(entry => entry.Value > mark[entry.Key] + 3), "some keys were not served again after the failover");
        await stopping.CancelAsync();
        await Task.WhenAll(callers);

        unknown.ShouldBeLessThanOrEqualTo(64, "at most one command per caller was in flight at the dead primary");
        (router.Refreshes - before).ShouldBeLessThan(60, "callers do not each ask for the map");
        await redis.SetAsync("counter:0", "after", null, Cancellation);
    }
}
