using Shouldly;
using SkyRiff.Resilience.Calls;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Services.Tests.Gateway.ResponseCache;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Running;

/// <summary>
/// Who leaves says nothing about whom he asked: with a breaker that opens, and an outlier that is ejected, at the first failure, hundreds may leave. That the
/// same counters see an upstream that does break off shows that they could.
/// </summary>
public sealed class LeavingClientTests
{
    private const int Clients = 20;

    [Theory]
    [InlineData("lean", "before the answer")]
    [InlineData("lean", "in the middle of the answer")]
    [InlineData("lean", "in the middle of the request")]
    [InlineData("kestrel", "before the answer")]
    [InlineData("kestrel", "in the middle of the answer")]
    [InlineData("kestrel", "in the middle of the request")]
    public async Task Clients_that_leave_are_no_fault_of_their_upstream(string front, string when)
    {
        var freed = 0;
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            var head = await wire.ReadHeadAsync();
            if (head is not null && !head.Contains("/leave", StringComparison.Ordinal))
            {
                await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
                return;
            }
            if (when == "in the middle of the answer") await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun");
            await wire.ReadToEndAsync();
            Interlocked.Increment(ref freed);
        });
        await using var gateway = await StartAsync(front, upstream);
        for (var i = 0; i < Clients; i++)
        {
            var asked = upstream.Accepted;
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync(when == "in the middle of the request" ? "PUT /leave HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegun" : "GET /leave HTTP/1.1\r\nHost: a\r\n\r\n");
            if (when == "in the middle of the answer") await client.ReadUntilAsync("begun");
            else await Eventually.TrueAsync(() => upstream.Accepted > asked, "the upstream was asked");
            if (i % 2 == 0) client.Reset();
        }
        await Eventually.TrueAsync(() => Volatile.Read(ref freed) == Clients, "the upstream was freed of each");
        await UntilQuietAsync(gateway);
        BreakerOf(gateway).ShouldBe(BreakerState.Closed);
        var target = gateway.Snapshot.Clusters["c"].Targets[0].Endpoint;
        gateway.Snapshot.Clusters["c"].State.Group.At(gateway.Clock.Now).Available.ToArray().ShouldBe([target]);
        target.Latency(gateway.Clock.Now).ShouldBe(0, "nothing was learned about it");
        (await gateway.AskAsync("GET /stay")).Body.ShouldBe("ok");
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task An_upstream_that_breaks_off_in_the_middle_is_at_fault(string front)
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun");
            wire.Reset();
        });
        await using var gateway = await StartAsync(front, upstream);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReadToEndAsync();
        await UntilQuietAsync(gateway);
        BreakerOf(gateway).ShouldBe(BreakerState.Open);
        gateway.Snapshot.Clusters["c"].Targets[0].Endpoint.Latency(gateway.Clock.Now).ShouldBeGreaterThan(0);
    }

    private static BreakerState BreakerOf(BothFronts gateway) => gateway.Snapshot.Routes[0].Primary.Breaker.StateAt(gateway.Clock.Now);

    private static Task UntilQuietAsync(BothFronts gateway) =>
        Eventually.TrueAsync(() => gateway.Snapshot.Clusters["c"] is var c && c.State.InFlight == 0 && c.Targets.All(t => t.Endpoint.InFlight == 0), "nothing is in flight any more");

    private static Task<BothFronts> StartAsync(string front, ScriptedUpstream upstream) => BothFronts.StartAsync(
        front,
        upstream.EndPoint,
        r => r,
        edge => edge with
        {
            Clusters = [.. edge.Clusters.Select(c => c with { Breaker = new() { WindowCalls = 1, CallsMin = 1 }, Group = new() { PassiveHealth = new() { FailuresInARow = 1 } } })],
        });
}
