using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Running;

/// <summary>Limits that several gateways count together.</summary>
public sealed class SharedLimitTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_one_gateway_let_through_is_missing_at_the_other_and_a_reload_forgets_nothing()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var upstream = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var config = new EdgeConfig
        {
            Redis = $"redis://127.0.0.1:{server.Port}",
            Clusters = [new ClusterConfig("c") { Endpoints = [new(upstream.EndPoint.ToString(), upstream.EndPoint, 1)] }],
            Routes = [new RouteConfig("r") { Cluster = "c" }],
            Limits = [new LimitConfig("per-address") { Count = 10, Period = TimeSpan.FromHours(1), Burst = 10, Everywhere = true, Shared = true, Share = 1 }],
        };
        await using var one = await RunningEdge.StartAsync(config, Token);
        await using var other = await RunningEdge.StartAsync(config, Token);
        (await StatusesAsync(one, 8)).ShouldAllBe(status => status == 200);
        await Eventually.TrueAsync(() => one.Runtime.Snapshot.Limits["per-address"].Shared!.Told >= 1, "the first gateway told what it took");
        (await StatusesAsync(other, 1)).ShouldBe([200]); // on its own share, and hears of the others'
        await Eventually.TrueAsync(() => other.Runtime.Snapshot.Limits["per-address"].Shared!.Told >= 1, "the other gateway told and heard");
        await Eventually.TrueAsync(async () => (await StatusesAsync(other, 1))[0] == 429, "the ten are used up");
        await Eventually.TrueAsync(async () => (await StatusesAsync(one, 1))[0] == 429, "the first gateway hears of it too");
        await one.Runtime.ApplyAsync(config with { SecurityHeaders = true }, Token);
        (await StatusesAsync(one, 1)).ShouldBe([429]);
    }

    [Fact]
    public async Task A_gateway_whose_redis_is_away_serves_and_counts_its_share()
    {
        await using var upstream = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var config = new EdgeConfig
        {
            Redis = "redis://127.0.0.1:1",
            Clusters = [new ClusterConfig("c") { Endpoints = [new(upstream.EndPoint.ToString(), upstream.EndPoint, 1)] }],
            Routes = [new RouteConfig("r") { Cluster = "c" }],
            Limits = [new LimitConfig("per-address") { Count = 20, Period = TimeSpan.FromHours(1), Everywhere = true, Shared = true, Share = 0.25 }],
        };
        await using var gateway = await RunningEdge.StartAsync(config, Token);
        (await StatusesAsync(gateway, 1)).ShouldBe([200]);
        var limit = gateway.Runtime.Snapshot.Limits["per-address"];
        await Eventually.TrueAsync(() => limit.Shared!.IsAway, "the outage was noticed");
        limit.WhereCounted.ShouldBe("here, a share: Redis is away");
        (await StatusesAsync(gateway, 8)).ShouldBe([200, 200, 200, 200, 200, 429, 429, 429]);
    }

    private static Task<List<int>> StatusesAsync(RunningEdge gateway, int requests) => gateway.StatusesAsync(Enumerable.Repeat("", requests));
}
