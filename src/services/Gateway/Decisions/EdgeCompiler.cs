using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Makes a snapshot from a configuration that was checked. What the one before has learned is carried over as far as it still fits.</summary>
internal static class EdgeCompiler
{
    public static EdgeSnapshot Compile(EdgeConfig config, EdgeSnapshot? before, Entropy entropy, long now, LimitStore? store = null)
    {
        var clusters = config.Clusters.ToDictionary(c => c.Name, c => new Cluster(c, before?.Clusters.GetValueOrDefault(c.Name), entropy, now));
        var limits = config.Limits.ToDictionary(l => l.Name, l => before?.Limits.GetValueOrDefault(l.Name) is { } known && known.Config == l ? known : new RateLimit(l, store));
        var experiments = config.Experiments.ToDictionary(e => e.Name, e => new Experiment(e));
        var mirrors = before?.Mirrors ?? new MirrorQueue();
        var routes = new List<Route>();
        foreach (var route in config.Routes.OrderByDescending(Rank))
        {
            var used = config.Limits.Where(l => l.Everywhere || route.Limits.Contains(l.Name)).Select(l => limits[l.Name]).ToList();
            var known = before?.Routes.FirstOrDefault(r => r.Name == route.Name);
            var primary = ArmOf(clusters[route.Cluster], known?.Primary);
            routes.Add(new Route(route, routes.Count, primary, CanaryOf(route, clusters, known), [.. used.Where(l => l.Config.By != LimitSubject.User)], [.. used.Where(l => l.Config.By == LimitSubject.User)])
            {
                Experiments = [.. route.Experiments.Select(name => experiments[name])],
                Mirror = MirrorOf(route, clusters, known, mirrors),
                Hedging = route.Hedge is null ? null : known?.Hedging is { } hedging && hedging.Config == route.Hedge ? hedging : new Hedging(route.Hedge),
                Cache = RouteCache.Of(route, known?.Config, known?.Cache),
            });
        }
        var responses = before?.Store ?? new ResponseStore(config.ResponseStore, entropy);
        responses.Resize(config.ResponseStore);
        return new EdgeSnapshot(config, routes, clusters, limits, JwtOf(config.Jwt, before), responses) { Mirrors = mirrors };
    }

    private static Arm ArmOf(Cluster cluster, Arm? before) =>
        new(cluster, before is not null && before.Cluster.Name == cluster.Name && before.Cluster.Config.Breaker == cluster.Config.Breaker
            ? before.Breaker : new CircuitBreaker(cluster.Config.Breaker));

    private static Canary? CanaryOf(RouteConfig route, Dictionary<string, Cluster> clusters, Route? before)
    {
        if (route.Canary is not { } config) return null;
        // The same canary keeps its verdict; a changed one is judged anew.
        if (before?.Canary is { } known && known.Config == config && ReferenceEquals(known.Arm.Cluster.State, clusters[config.Cluster].State)) return known;
        return new Canary(config, ArmOf(clusters[config.Cluster], null));
    }

    private static Mirror? MirrorOf(RouteConfig route, Dictionary<string, Cluster> clusters, Route? before, MirrorQueue queue)
    {
        if (route.Mirror is not { } config) return null;
        return before?.Mirror is { } known && known.Config == config && ReferenceEquals(known.Cluster.State, clusters[config.Cluster].State) ? known : new Mirror(config, clusters[config.Cluster], queue);
    }

    private static JwtVerifier? JwtOf(JwtConfig? config, EdgeSnapshot? before)
    {
        if (config is null) return null;
        if (before?.Config.Jwt == config) return before.Jwt;
        return new JwtVerifier(config.Issuer, config.Audience, config.Leeway, config.CacheMax);
    }

    /// <summary>Best first: explicit order, exactness of host, literal segments, no tail, conditions. Sorting is stable, so the file's order decides the rest.</summary>
    private static (int Order, int Host, int Literals, int Segments, int NoTail, int Conditions) Rank(RouteConfig route) => (
        route.Order,
        route.Hosts.Count == 0 ? 0 : route.Hosts.Any(h => h.StartsWith("*.", StringComparison.Ordinal)) ? 1 : 2,
        route.Path.LiteralCount,
        route.Path.Segments.Count,
        route.Path.HasTail ? 0 : 1,
        route.Methods.Count + route.Headers.Count + route.Query.Count);
}
