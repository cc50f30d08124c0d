namespace SkyRiff.Gateway.Configuration;

/// <summary>Reads the sections <c>cache</c> and <c>compress</c> of a route, and <c>response_cache</c> of the file.</summary>
internal static class ReuseParser
{
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Month = TimeSpan.FromDays(30);

    public static ResponseStoreConfig ParseStore(ConfigNode node)
    {
        var store = new ResponseStoreConfig
        {
            BytesMax = node.Size("bytes_max", 64 << 20, 1 << 20, 1L << 40),
            CapturesBytesMax = node.Size("captures_bytes_max", 32 << 20, 1 << 20, 1L << 40),
        };
        node.Close();
        return store;
    }

    public static CacheConfig ParseCache(ConfigNode node, EdgeConfig edge)
    {
        var entryMax = Math.Min(256L << 20, ResponseCache.ResponseStore.EntryBytesMaxOf(edge.ResponseStore));
        var cache = new CacheConfig
        {
            EntryBytesMax = node.Size("entry_max", Math.Min(1 << 20, entryMax), 1024, entryMax),
            HeuristicMax = node.Duration("heuristic_max", TimeSpan.Zero, TimeSpan.Zero, Month),
            StaleWhileRevalidate = node.Duration("stale_while_revalidate", TimeSpan.Zero, TimeSpan.Zero, Month),
            StaleIfError = node.Duration("stale_if_error", TimeSpan.Zero, TimeSpan.Zero, Month),
            ObeysClients = node.Flag("obey_clients", true),
            Collapses = node.Flag("collapse", true),
            WaitMax = node.Duration("wait_max", TimeSpan.FromSeconds(2), Millisecond, Minute),
            WaitersMax = node.Integer("waiters_max", 1000, 1, 100_000),
        };
        node.Close();
        return cache;
    }

    public static CompressConfig ParseCompress(ConfigNode node)
    {
        var codings = node.Has("codings") ? node.Texts("codings") : ["br", "gzip"];
        foreach (var coding in codings.Where(c => c is not ("br" or "gzip"))) node.Mistake("codings", $"br and gzip, and {coding} is neither");
        if (codings.Count == 0) node.Mistake("codings", "at least one of br and gzip");
        var types = node.Has("types") ? node.Texts("types") : CompressConfig.UsualTypes;
        foreach (var type in types.Where(t => t.Count(c => c == '/') != 1 || t.Any(c => c is <= ' ' or > '~' or ';' || char.IsAsciiLetterUpper(c))))
            node.Mistake("types", $"media types in small letters without parameters such as text/html, and {type} is none");
        if (types.Contains("text/event-stream")) node.Mistake("types", "no text/event-stream, whose events would wait in the compressor");
        var compress = new CompressConfig
        {
            Types = types,
            BytesMin = node.Size("bytes_min", 1024, 1, 1L << 30),
            BrotliQuality = node.Integer("brotli_quality", 4, 0, 11),
            GzipLevel = node.Integer("gzip_level", 5, 1, 9),
            UsesBrotli = codings.Contains("br"),
            UsesGzip = codings.Contains("gzip"),
            InFlightMax = node.Integer("in_flight_max", 256, 1, 100_000),
        };
        node.Close();
        return compress;
    }

    /// <summary>What does not go together.</summary>
    public static void Check(ConfigNode node, RouteConfig route, EdgeConfig edge)
    {
        if (route.Cache is null && route.Compress is null) return;
        var key = route.Cache is null ? "compress" : "cache";
        if (edge.Clusters.Any(c => c.UseHttp2 && (c.Name == route.Cluster || c.Name == route.Canary?.Cluster)))
            node.Mistake(key, "a cluster that speaks http1");
        if (route.Cache is not null && route.Canary is not null) node.Mistake("cache", "no canary beside it: its answers would be everybody's");
    }
}
