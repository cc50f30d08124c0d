using System.Net;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Health;

namespace SkyRiff.Gateway.Configuration;

/// <summary>Reads one entry of <c>clusters</c>.</summary>
internal static class ClusterParser
{
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private static readonly Dictionary<string, HashSource> HashSources = new()
    {
        ["address"] = HashSource.Address,
        ["user"] = HashSource.User,
        ["path"] = HashSource.Path,
        ["header"] = HashSource.Header,
        ["cookie"] = HashSource.Cookie,
    };

    public static ClusterConfig Parse(string name, ConfigNode node, bool hasRedis)
    {
        var balance = node.Text("balance") ?? "power_of_two_choices";
        if (!Balancer.Names.Contains(balance)) node.Mistake("balance", "one of " + string.Join(", ", Balancer.Names));
        var hashOn = node.Text("hash_on") ?? "address";
        var colon = hashOn.IndexOf(':');
        if (!HashSources.TryGetValue(colon < 0 ? hashOn : hashOn[..colon], out var source) || (source >= HashSource.Header) != colon > 0)
            node.Mistake("hash_on", "address, user, path, header:NAME or cookie:NAME");
        var health = node.Section("health");
        var cluster = new ClusterConfig(name)
        {
            Endpoints = DiscoveryParser.ParseEndpoints(node),
            Discovery = node.Has("discover") ? DiscoveryParser.Parse(node.Section("discover"), hasRedis) : null,
            Balance = balance,
            HashOn = source,
            HashName = colon < 0 ? "" : hashOn[(colon + 1)..],
            HealthPath = node.Has("health") ? health.Required("path", "the path that probes ask for, such as /health/ready") : "",
            Group = new EndpointGroupOptions
            {
                ActiveHealth = ParseActive(health, node.Has("health")),
                PassiveHealth = ParseOutliers(node.Section("outliers")),
                SlowStartDuration = node.Duration("slow_start", TimeSpan.Zero, TimeSpan.Zero, Hour),
                PanicShare = node.Share("panic_share", 0.2),
                EjectedShareMax = node.Share("ejected_share_max", 0.5),
            },
            Breaker = ParseBreaker(node.Section("breaker")),
            RetryBudget = ParseBudget(node.Section("retry_budget")),
            RetriesMax = node.Integer("retries_max", 2, 0, 10),
            ConnectTimeout = node.Duration("connect_timeout", TimeSpan.FromSeconds(1), Millisecond, Hour),
            IdleTimeout = node.Duration("idle_timeout", TimeSpan.FromSeconds(45), Millisecond, Hour),
            IdleConnectionsMax = node.Integer("idle_connections_max", 256, 0, 10_000),
            InFlightMax = node.Integer("in_flight_max", 10_000, 1, 1_000_000),
            Adaptive = node.Has("adaptive_concurrency") ? ParseAdaptive(node.Section("adaptive_concurrency")) : null,
        };
        var protocol = node.Text("protocol") ?? "http1";
        if (protocol is not ("http1" or "h2" or "h2-tls")) node.Mistake("protocol", "one of http1, h2, h2-tls");
        cluster = cluster with { UseHttp2 = protocol is "h2" or "h2-tls", UpstreamTls = protocol == "h2-tls" };
        if (cluster.UseHttp2 && cluster.Endpoints.Any(e => e.Address is not IPEndPoint)) node.Mistake("protocol", "http1 for Unix sockets");
        if (cluster.Discovery is null && cluster.Endpoints.Count == 0) node.Mistake("endpoints", "at least one address, or discover");
        if (cluster.Discovery is not null && node.Has("endpoints")) node.Mistake("discover", "either endpoints or discover");
        if (cluster is { Discovery: not null, UpstreamTls: true }) node.Mistake("protocol", "http1 or h2, since what is discovered is an address, which no certificate names");
        health.Close();
        node.Close();
        return cluster;
    }

    private static ActiveHealthOptions ParseActive(ConfigNode node, bool isEnabled) => new()
    {
        IsEnabled = isEnabled,
        Interval = node.Duration("interval", TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(10), Hour),
        IntervalWhenUnsure = node.Duration("interval_when_unsure", TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(10), Hour),
        ProbeDurationMax = node.Duration("timeout", TimeSpan.FromSeconds(1), Millisecond, Hour),
        Rise = node.Integer("rise", 2, 1, 100),
        Fall = node.Integer("fall", 3, 1, 100),
    };

    private static PassiveHealthOptions ParseOutliers(ConfigNode node)
    {
        var options = new PassiveHealthOptions
        {
            IsEnabled = node.Flag("enabled", true),
            FailuresInARow = node.Integer("failures_in_a_row", 5, 1, 1000),
            FailureShare = node.Share("failure_share", 0.5),
            CallsMin = node.Integer("calls_min", 20, 1, 100_000),
            Interval = node.Duration("interval", TimeSpan.FromSeconds(10), Millisecond, Hour),
            EjectionDuration = node.Duration("ejection", TimeSpan.FromSeconds(30), Millisecond, Hour),
            EjectionDurationMax = node.Duration("ejection_max", TimeSpan.FromMinutes(5), Millisecond, Hour),
        };
        if (options.FailureShare <= 0) node.Mistake("failure_share", "a share above 0");
        if (options.EjectionDurationMax < options.EjectionDuration) node.Mistake("ejection_max", "no less than ejection");
        node.Close();
        return options;
    }

    private static CircuitBreakerOptions ParseBreaker(ConfigNode node)
    {
        var window = node.Integer("window_calls", 10, 1, 1024);
        var options = new CircuitBreakerOptions
        {
            WindowCalls = window,
            CallsMin = node.Integer("calls_min", window, 1, 1024),
            FailureShare = node.Share("failure_share", 0.5),
            SlowDuration = node.Duration("slow", TimeSpan.MaxValue, Millisecond, Hour),
            SlowShare = node.Share("slow_share", 0.5),
            OpenDuration = node.Duration("open", TimeSpan.FromSeconds(30), Millisecond, Hour),
            ProbesToClose = node.Integer("probes_to_close", 1, 1, 100),
        };
        if (options.CallsMin > options.WindowCalls) node.Mistake("calls_min", "no more than window_calls");
        if (options.FailureShare <= 0) node.Mistake("failure_share", "a share above 0");
        if (options.SlowShare <= 0) node.Mistake("slow_share", "a share above 0");
        node.Close();
        return options;
    }

    private static RetryBudgetOptions ParseBudget(ConfigNode node)
    {
        var options = new RetryBudgetOptions { Ratio = node.Share("ratio", 0.1), ReserveMax = node.Integer("reserve_max", 10, 0, 10_000) };
        node.Close();
        return options;
    }

    private static AdaptiveConcurrencyOptions ParseAdaptive(ConfigNode node)
    {
        var min = node.Integer("min", 4, 1, 1_000_000);
        var max = node.Integer("max", 2000, 1, 1_000_000);
        var options = new AdaptiveConcurrencyOptions { LimitMin = min, LimitMax = max, LimitStart = node.Integer("start", Math.Clamp(20, min, Math.Max(min, max)), 1, 1_000_000) };
        if (options.LimitStart < min || options.LimitStart > max) node.Mistake("start", "a number from min to max");
        node.Close();
        return options;
    }
}
