using Shouldly;
using SkyRiff.Gateway.Configuration;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Configuration;

public sealed class ReuseParserTests
{
    [Fact]
    public void A_route_caches_and_compresses_when_it_says_so()
    {
        var edge = ConfigParser.Parse("g.yaml", """
            response_cache: {bytes_max: 100MB, captures_bytes_max: 8MB}
            clusters: {a: {endpoints: ["127.0.0.1:1"]}}
            routes:
              - {to: a, name: plain}
              - {to: a, name: usual, cache: {}, compress: {}}
              - to: a
                cache: {entry_max: 2MB, heuristic_max: 1m, stale_while_revalidate: 5s, stale_if_error: 1m, obey_clients: false, collapse: false, wait_max: 1s, waiters_max: 10}
                compress: {types: [text/html], bytes_min: 2KB, brotli_quality: 1, gzip_level: 9, codings: [gzip], in_flight_max: 5}
            """).Edge;

        edge.ResponseStore.ShouldBe(new ResponseStoreConfig { BytesMax = 100 << 20, CapturesBytesMax = 8 << 20 });
        edge.Routes[0].Cache.ShouldBeNull();
        edge.Routes[0].Compress.ShouldBeNull();
        edge.Routes[1].Cache.ShouldBe(new CacheConfig());
        edge.Routes[1].Compress!.UsesBrotli.ShouldBeTrue();
        edge.Routes[2].Cache.ShouldBe(new CacheConfig
        {
            EntryBytesMax = 2 << 20,
            HeuristicMax = TimeSpan.FromMinutes(1),
            StaleWhileRevalidate = TimeSpan.FromSeconds(5),
            StaleIfError = TimeSpan.FromMinutes(1),
            ObeysClients = false,
            Collapses = false,
            WaitMax = TimeSpan.FromSeconds(1),
            WaitersMax = 10,
        });
        edge.Routes[2].Compress.ShouldBe(new CompressConfig
        {
            Types = edge.Routes[2].Compress!.Types,
            BytesMin = 2048,
            BrotliQuality = 1,
            GzipLevel = 9,
            UsesBrotli = false,
            InFlightMax = 5,
        });
    }

    [Fact]
    public void Every_mistake_is_named()
    {
        var mistakes = Should.Throw<ConfigException>(() => ConfigParser.Parse("g.yaml", """
            listen: [{address: "127.0.0.1:1", front: kestrel}]
            response_cache: {bytes_max: 1KB, entries: 5}
            clusters: {a: {endpoints: ["127.0.0.1:1"]}, h: {endpoints: ["127.0.0.1:1"], protocol: h2}}
            routes:
              - {to: a, cache: {entry_max: 1GB, heuristics: on}}
              - {to: h, cache: {}}
              - {to: h, compress: {}}
              - {to: a, canary: {to: a}, cache: {}}
              - {to: a, compress: {codings: [zip], brotli_quality: 12, types: [text/event-stream, "Text/HTML", html]}}
            """)).Mistakes.Select(m => $"{m.Line} {m.Key}").ToList();

        mistakes.ShouldBe(
        [
            "2 response_cache.bytes_max", "2 response_cache.entries", "5 routes[0].cache.entry_max", "5 routes[0].cache.heuristics", "6 routes[1].cache", "7 routes[2].compress", "8 routes[3].cache",
            "9 routes[4].compress.codings", "9 routes[4].compress.brotli_quality", "9 routes[4].compress.types", "9 routes[4].compress.types", "9 routes[4].compress.types",
        ], ignoreOrder: true);
    }
}
