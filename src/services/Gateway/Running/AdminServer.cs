using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Telemetry;

namespace SkyRiff.Gateway.Running;

/// <summary>The read-only view for operators: a page, the same as JSON, metrics and health. It listens apart from the traffic, and changes nothing.</summary>
internal sealed class AdminServer : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };
    private readonly WebApplication _app;

    private AdminServer(WebApplication app) => _app = app;

    public static async Task<AdminServer> StartAsync(IPEndPoint address, EdgeRuntime runtime, Func<bool> isServing, Func<IReadOnlyList<LaneMetrics>> lanes, Func<object> fronts, Func<string> mistakes, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address));
        var app = builder.Build();
        app.MapGet("/health/live", () => "live");
        app.MapGet("/health/ready", () => !isServing() || runtime.Snapshot.Jwt is { Keys.Count: 0 } ? Results.StatusCode(503) : Results.Text("ready"));
        app.MapGet("/metrics", () => Results.Text(PrometheusText.Write(lanes(), runtime.Snapshot, runtime.Clock.Now), "text/plain; version=0.0.4"));
        app.MapGet("/status", () => Results.Json(Status(runtime, lanes(), fronts()), Json));
        app.MapGet("/", () => Results.Text(AdminPage.Write(new(runtime.Snapshot, PrometheusText.Sum(lanes()), runtime.DiscoveryTroubles, mistakes(), runtime.Clock.Now)), "text/html; charset=utf-8"));
        await app.StartAsync(cancellationToken);
        return new(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static object Status(EdgeRuntime runtime, IReadOnlyList<LaneMetrics> lanes, object fronts)
    {
        var (snapshot, now) = (runtime.Snapshot, runtime.Clock.Now);
        var sums = PrometheusText.Sum(lanes);
        return new
        {
            fronts,
            routes = snapshot.Routes.Select(r => new
            {
                r.Name,
                path = r.Path.Text,
                hosts = r.Hosts,
                cluster = r.Primary.Cluster.Name,
                breaker = r.Primary.Breaker.StateAt(now).ToString(),
                requests = sums.TryGetValue(r.Name, out var sum) ? sum.ByClass.Sum() : 0,
                serverErrors = sum?.ByClass[5] ?? 0,
                mirror = r.Mirror is { } mirror ? new { cluster = mirror.Cluster.Name, mirror.Config.Percent, mirror.InFlight, mirror.Sent, mirror.Failed, mirror.Dropped, mirror.TooLarge } : null,
                hedge = r.Hedging is { } hedging ? new { delayMs = hedging.Delay.TotalMilliseconds, hedging.Sent, hedging.Won } : null,
                canary = r.Canary is { } canary ? new { cluster = canary.Arm.Cluster.Name, canary.Config.Percent, canary.IsRolledBack, canary.Judge.Reason } : null,
            }),
            clusters = snapshot.Clusters.Values.Select(c => new
            {
                c.Name,
                discovery = c.Config.Discovery is { } discovery ? new { kind = discovery.Kind.ToString(), discovery.Name, trouble = runtime.DiscoveryTroubles.GetValueOrDefault(c.Name) } : null,
                balance = c.Config.Balance,
                inFlight = c.State.InFlight,
                panicking = c.State.Group.At(now).IsPanicking,
                concurrencyLimit = c.Adaptive?.Limit,
                retriesAvailable = c.Budget.Available,
                targets = c.Targets.Select(t => Describe(c, t, now)),
            }),
            limits = snapshot.Limits.Values.Select(l => new { l.Config.Name, by = l.Config.By.ToString(), l.Config.Count, l.Config.Period, l.Config.Burst, keys = l.Keys, counted = l.WhereCounted }),
            tokens = snapshot.Jwt is { } jwt ? new { keys = jwt.Keys.Count, cached = jwt.Cached, jwt.UnknownKeys } : null,
        };
    }

    private static object Describe(Cluster cluster, Target target, long now) => new
    {
        address = target.Endpoint.Id,
        target.Endpoint.Weight,
        inFlight = target.Endpoint.InFlight,
        latencyMs = Math.Round(target.Endpoint.Latency(now) / 1e6, 3),
        healthy = target.Endpoint.Probes.IsHealthy,
        ejected = target.Endpoint.Outliers.IsEjected(now),
        draining = target.Endpoint.IsDraining,
        available = cluster.State.Group.At(now).Available.Contains(target.Endpoint),
    };
}
