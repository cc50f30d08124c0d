using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// One route's use of the cache. What was stored for a route that a reload has changed is not used for the new one: stored responses carry the
/// <see cref="Generation"/> of their route.
/// </summary>
internal sealed class RouteCache
{
    private static int _generations;

    private RouteCache(CacheConfig config, int generation) => (Config, Generation) = (config, generation);

    public CacheConfig Config { get; }

    public int Generation { get; }

    /// <summary>Keeps the generation over a reload when all that decides what the upstream answers is the same.</summary>
    public static RouteCache? Of(RouteConfig config, RouteConfig? beforeConfig, RouteCache? before)
    {
        if (config.Cache is null) return null;
        var isSame = before is not null && beforeConfig is not null && beforeConfig.Cluster == config.Cluster && beforeConfig.Auth == config.Auth && beforeConfig.Cache == config.Cache
            && IsPlain(config) && IsPlain(beforeConfig);
        return new RouteCache(config.Cache, isSame ? before!.Generation : Interlocked.Increment(ref _generations));
    }

    private static bool IsPlain(RouteConfig config) => config.Rewrite is null && config.RequestHeaders.IsEmpty && config.QueryParameters.IsEmpty;
}
