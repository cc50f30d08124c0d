using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>Copies of requests for another cluster, which no client may notice.</summary>
public sealed class LeanMirrorTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_mirror_gets_the_request_as_the_upstream_does_and_a_mark(bool isKestrel)
    {
        var (seen, copies) = (new List<string>(), new List<string>());
        await using var upstream = Recording(seen, Ok);
        await using var beside = Recording(copies, "HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nfail");
        await using var gateway = await StartedAsync(upstream.EndPoint, beside.EndPoint, isKestrel);
        using var client = await Wire.ConnectAsync(gateway.EndPoint);
        foreach (var request in new[] { "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" })
        {
            await client.WriteAsync(request);
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        var mirror = gateway.Runtime.Snapshot.Routes[0].Mirror!;
        await Eventually.TrueAsync(() => mirror.Sent == 3, "three copies were sent");
        (mirror.InFlight, mirror.Failed, mirror.Dropped, mirror.TooLarge).ShouldBe((0, 0L, 0L, 0L));
        lock (copies)
        {
            copies.Order(StringComparer.Ordinal).Select(c => c.Replace("X-Mirrored: true\r\n", "", StringComparison.Ordinal)).ShouldBe(seen.Order(StringComparer.Ordinal));
            copies.ShouldAllBe(c => c.Contains("\r\nX-Mirrored: true\r\n\r\n", StringComparison.Ordinal));
        }
        gateway.Runtime.Snapshot.Clusters["c"].Targets[0].Endpoint.InFlight.ShouldBe(0);
        await Eventually.TrueAsync(() => gateway.Runtime.Snapshot.Clusters["m"].Targets[0].Endpoint.InFlight == 0, "nothing is held at the mirror's target");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_mirror_that_hangs_costs_its_copies_and_no_client_anything(bool isKestrel)
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        await using var hanging = new ScriptedUpstream(async (wire, _) => await wire.ReadToEndAsync());
        await using var gateway = await StartedAsync(upstream.EndPoint, hanging.EndPoint, isKestrel, m => m with { InFlightMax = 2, BodyBytesMax = 10, Timeout = TimeSpan.FromSeconds(1) });
        var mirror = gateway.Runtime.Snapshot.Routes[0].Mirror!;
        using var client = await Wire.ConnectAsync(gateway.EndPoint);
        for (var i = 0; i < 10; i++)
        {
            await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        await client.WriteAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{new string('x', 11)}");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        mirror.InFlight.ShouldBeLessThanOrEqualTo(2);
        mirror.Dropped.ShouldBeGreaterThanOrEqualTo(1);
        mirror.TooLarge.ShouldBe(1);
        await Eventually.TrueAsync(() => mirror.InFlight == 0, "the copies' time was over");
        (mirror.Failed + mirror.Dropped).ShouldBe(10);
    }

    [Fact]
    public void A_share_is_copied_and_the_same_requests_everywhere()
    {
        var mirror = new Mirror(new MirrorConfig("m") { Percent = 10 }, null!, new MirrorQueue());
        var ids = new SpanIds(Entropy.Seeded(3));
        var taken = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var trace = TraceContext.Continue(default, ref ids);
            if (mirror.Takes(trace)) taken++;
            mirror.Takes(trace).ShouldBe(mirror.Takes(trace with { Span = 1 }));
        }
        taken.ShouldBeInRange(9_600, 10_400);
    }

    private static ScriptedUpstream Recording(List<string> requests, string answer) => new(async (wire, _) =>
    {
        while (await wire.ReadHeadAsync() is { } head)
        {
            var body = await wire.ReadBodyAsync(head);
            lock (requests) requests.Add(head + body);
            await wire.WriteAsync(answer);
        }
    });

    private static async Task<Started> StartedAsync(IPEndPoint upstream, IPEndPoint beside, bool isKestrel, Func<MirrorConfig, MirrorConfig>? mirror = null)
    {
        var config = new EdgeConfig
        {
            Clusters = [new ClusterConfig("c") { Endpoints = [new(upstream.ToString(), upstream, 1)] }, new ClusterConfig("m") { Endpoints = [new(beside.ToString(), beside, 1)] }],
            Routes = [new RouteConfig("r") { Cluster = "c", Mirror = mirror?.Invoke(new MirrorConfig("m")) ?? new MirrorConfig("m") }],
        };
        var runtime = new EdgeRuntime(config, TimeProvider.System, Entropy.System, NullLoggerFactory.Instance);
        await runtime.StartAsync(Token);
        if (isKestrel) return new(runtime, null, await KestrelFront.StartAsync(new ListenConfig(new(IPAddress.Loopback, 0)) { IsLean = false }, runtime, log: null, TimeProvider.System, Token));
        return new(runtime, LeanFront.Start(new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 1, DrainIdleTimeout = TimeSpan.FromMilliseconds(1) }, runtime.Snapshot, TimeProvider.System, Entropy.System), null);
    }

    private sealed record Started(EdgeRuntime Runtime, LeanFront? Lean, KestrelFront? Kestrel) : IAsyncDisposable
    {
        public IPEndPoint EndPoint => Lean?.EndPoint ?? Kestrel!.EndPoint;

        public async ValueTask DisposeAsync()
        {
            if (Lean is not null) await Lean.DisposeAsync();
            if (Kestrel is not null) await Kestrel.DisposeAsync();
            await Runtime.DisposeAsync();
        }
    }
}
