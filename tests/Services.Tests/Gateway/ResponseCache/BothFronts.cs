using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using SkyRiff.Resilience;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

/// <summary>Either front before one upstream, with all that runs beside it and a clock that the test holds.</summary>
internal sealed class BothFronts : IAsyncDisposable
{
    private readonly EdgeRuntime _runtime;
    private readonly LeanFront? _lean;
    private readonly KestrelFront? _kestrel;

    private BothFronts(EdgeRuntime runtime, LeanFront? lean, KestrelFront? kestrel, FakeTime time) => (_runtime, _lean, _kestrel, Time) = (runtime, lean, kestrel, time);

    public FakeTime Time { get; }

    public ResponseStore Store => _runtime.Snapshot.Store;

    public LeanFront? Lean => _lean;

    public EdgeSnapshot Snapshot => _runtime.Snapshot;

    public MonotonicClock Clock => _runtime.Clock;

    public static async Task<BothFronts> StartAsync(string front, IPEndPoint upstream, Func<RouteConfig, RouteConfig> route, Func<EdgeConfig, EdgeConfig>? edge = null)
    {
        var time = new FakeTime();
        var cluster = LeanGateway.NeverOpen(new ClusterConfig("c") { Endpoints = [new EndpointConfig(upstream.ToString(), upstream, 1)] });
        var config = new EdgeConfig { Clusters = [cluster], Routes = [route(new RouteConfig("r") { Cluster = "c" })] };
        var runtime = new EdgeRuntime(edge?.Invoke(config) ?? config, time, Entropy.Seeded(1), NullLoggerFactory.Instance);
        var token = TestContext.Current.CancellationToken;
        await runtime.StartAsync(token);
        if (front == "lean")
        {
            var options = new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 2, DrainIdleTimeout = TimeSpan.FromMilliseconds(1) };
            return new BothFronts(runtime, LeanFront.Start(options, runtime.Snapshot, time, Entropy.Seeded(1)), null, time);
        }
        return new BothFronts(runtime, null, await KestrelFront.StartAsync(new ListenConfig(new(IPAddress.Loopback, 0)) { IsLean = false }, runtime, null, time, token), time);
    }

    public Task<Wire> ConnectAsync() => Wire.ConnectAsync(_lean?.EndPoint ?? _kestrel!.EndPoint);

    /// <summary>One request on a connection of its own; the body without chunk framing.</summary>
    public async Task<(string Head, string Body)> AskAsync(string request, string fields = "")
    {
        using var wire = await ConnectAsync();
        await wire.WriteAsync($"{request} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        return await ReadAsync(wire, isToHead: request.StartsWith("HEAD", StringComparison.Ordinal));
    }

    public static async Task<(string Head, string Body)> ReadAsync(Wire wire, bool isToHead = false)
    {
        var head = await wire.ReadHeadAsync() ?? throw new EndOfStreamException("No response.");
        if (isToHead || head.StartsWith("HTTP/1.1 304", StringComparison.Ordinal)) return (head, "");
        if (Wire.Header(head, "Transfer-Encoding") is null) return (head, await wire.ReadBodyAsync(head));
        var body = new System.Text.StringBuilder();
        while (true)
        {
            var size = int.Parse((await wire.ReadUntilAsync("\r\n"))[..^2], System.Globalization.NumberStyles.HexNumber);
            body.Append((await wire.ReadAsync(size + 2))[..size]);
            if (size == 0) return (head, body.ToString());
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_lean is not null)
        {
            // The drain's limit is by a clock that stands still.
            var drained = _lean.DrainAsync();
            await Eventually.TrueAsync(() =>
            {
                Time.Advance(TimeSpan.FromSeconds(1));
                return drained.IsCompleted;
            }, "the loops ended");
        }
        if (_kestrel is not null) await _kestrel.DisposeAsync();
        await _runtime.DisposeAsync();
        if (_lean is null) return;
        if (_lean.Counters.Select(c => c.LastBug).FirstOrDefault(b => b is not null) is { } bug) throw new InvalidOperationException("The loop had a bug.", bug);
        if (_lean.Counters.Sum(c => c.InFlight) != 0 || _lean.BuffersRented != 0 || Store.Captures.Used != 0)
            throw new InvalidOperationException($"Leaked: {_lean.Counters.Sum(c => c.InFlight)} exchanges, {_lean.BuffersRented} buffers, {Store.Captures.Used} captured bytes.");
    }
}
