using System.Net;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Lean;
using SkyRiff.Kernel;
using SkyRiff.Resilience;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>A lean front with one loop before the given upstreams, that must be clean when it is stopped.</summary>
internal sealed class LeanGateway : IAsyncDisposable
{
    private readonly LeanFront _front;

    public LeanGateway(IEnumerable<IPEndPoint> upstreams, Func<LeanOptions, LeanOptions>? options = null, Func<RouteConfig, RouteConfig>? route = null,
        Func<ClusterConfig, ClusterConfig>? cluster = null, Func<EdgeConfig, EdgeConfig>? edge = null)
    {
        var listen = new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 1, DrainIdleTimeout = TimeSpan.FromMilliseconds(1), DrainTimeout = TimeSpan.FromSeconds(2) };
        _front = LeanFront.Start(options?.Invoke(listen) ?? listen, Compile(upstreams, route, cluster, edge), TimeProvider.System, Entropy.Seeded(1));
    }

    public static EdgeSnapshot Compile(IEnumerable<IPEndPoint> upstreams, Func<RouteConfig, RouteConfig>? route = null,
        Func<ClusterConfig, ClusterConfig>? cluster = null, Func<EdgeConfig, EdgeConfig>? edge = null, EdgeSnapshot? before = null)
    {
        var clusterConfig = new ClusterConfig("c") { Endpoints = [.. upstreams.Select(e => new EndpointConfig(e.ToString(), e, 1))], Balance = "round_robin" };
        var routeConfig = new RouteConfig("r") { Cluster = "c" };
        var config = new EdgeConfig { Clusters = [cluster?.Invoke(clusterConfig) ?? clusterConfig], Routes = [route?.Invoke(routeConfig) ?? routeConfig] };
        return EdgeCompiler.Compile(edge?.Invoke(config) ?? config, before, Entropy.Seeded(1), new MonotonicClock(TimeProvider.System).Now);
    }

    /// <summary>For tests that are about failures and not about what protects from them.</summary>
    public static ClusterConfig NeverOpen(ClusterConfig cluster) => cluster with
    {
        Breaker = new() { WindowCalls = 1024, CallsMin = 1024 },
        Group = new() { PassiveHealth = new() { IsEnabled = false } },
        RetriesMax = 0,
    };

    public LeanFront Front => _front;

    public LoopCounters Counters => _front.Counters[0];

    public Task<Wire> ConnectAsync() => Wire.ConnectAsync(_front.EndPoint);

    /// <summary>Waits until the loop has come to the state, and says what did not happen otherwise.</summary>
    public async Task UntilAsync(Func<LoopCounters, bool> condition, string what)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!condition(Counters))
        {
            if (patience.Elapsed > TimeSpan.FromSeconds(10)) throw new TimeoutException($"Did not happen: {what}.");
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _front.DisposeAsync();
        if (Counters.LastBug is { } bug) throw new InvalidOperationException("The loop had a bug.", bug);
        if (Counters.InFlight != 0 || _front.BuffersRented != 0)
            throw new InvalidOperationException($"Leaked: {Counters.InFlight} exchanges, {_front.BuffersRented} buffers.");
    }
}
