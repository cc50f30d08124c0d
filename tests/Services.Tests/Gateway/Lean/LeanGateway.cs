using System.Net;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Lean;
using SkyRiff.Kernel;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>A lean front with one loop before the given upstreams, that must be clean when it is stopped.</summary>
internal sealed class LeanGateway : IAsyncDisposable
{
    private static int _indexes = 1000;
    private readonly LeanFront _front;

    public LeanGateway(IEnumerable<IPEndPoint> upstreams, Func<LeanOptions, LeanOptions>? options = null, Func<Cluster, Route>? route = null)
    {
        var cluster = new Cluster("c", [.. upstreams.Select(e => new Endpoint(Interlocked.Increment(ref _indexes), e.ToString(), e))]);
        var listen = new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 1, DrainIdleTimeout = TimeSpan.FromMilliseconds(1), DrainTimeout = TimeSpan.FromSeconds(2) };
        var snapshot = new EdgeSnapshot([route?.Invoke(cluster) ?? new Route("r", cluster)]);
        _front = LeanFront.Start(options?.Invoke(listen) ?? listen, snapshot, TimeProvider.System, Entropy.Seeded(1));
    }

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
