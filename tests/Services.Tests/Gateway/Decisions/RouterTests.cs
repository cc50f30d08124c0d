using System.Text;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Kernel;
using SkyRiff.Resilience;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

public sealed class RouterTests
{
    [Theory]
    [InlineData("/works/7", "GET", "a.example", "work")]
    [InlineData("/works/7", "POST", "a.example", "rest")]
    [InlineData("/works/hot", "GET", "a.example", "hot")]
    [InlineData("/works/7/likes", "GET", "a.example", "likes")]
    [InlineData("/works/", "GET", "a.example", "rest")]
    [InlineData("/works", "GET", "a.example", "rest")]
    [InlineData("/media", "GET", "a.example", "media")]
    [InlineData("/media/a/b.mp4", "GET", "a.example", "media")]
    [InlineData("/mediax", "GET", "a.example", "rest")]
    [InlineData("/works/7", "GET", "shop.example", "shop")]
    [InlineData("/works/7", "GET", "SHOP.example:8080", "shop")]
    [InlineData("/works/7", "GET", "x.y.shop.example", "any-shop")]
    [InlineData("/works/7?beta=1", "GET", "a.example", "beta")]
    public void The_most_exact_route_wins(string target, string method, string host, string expected)
    {
        var routes = Compile(
            Route("rest", "/*"),
            Route("work", "/works/{id}", r => r with { Methods = ["GET"] }),
            Route("beta", "/works/{id}", r => r with { Methods = ["GET"], Query = [new("beta", "1")] }),
            Route("hot", "/works/hot"),
            Route("likes", "/works/{id}/likes"),
            Route("media", "/media/*"),
            Route("shop", "/*", r => r with { Hosts = ["shop.example"] }),
            Route("any-shop", "/*", r => r with { Hosts = ["*.shop.example"] }));
        var captures = default(PathCaptures);
        routes.Find(Heads.Request(method, target, host), ref captures)!.Name.ShouldBe(expected);
    }

    [Fact]
    public void An_explicit_order_beats_exactness_and_headers_are_conditions()
    {
        var routes = Compile(Route("exact", "/a/b"), Route("first", "/*", r => r with { Order = 1, Headers = [new("X-Debug", "*")] }));
        var captures = default(PathCaptures);
        routes.Find(Heads.Get("/a/b"), ref captures)!.Name.ShouldBe("exact");
        routes.Find(Heads.Get("/a/b", "a", "x-debug: 1"), ref captures)!.Name.ShouldBe("first");
    }

    [Theory]
    [InlineData("/works/{id}/*", "/v2/{id}/*", "/works/7/a/b", "/v2/7/a/b")]
    [InlineData("/works/{id}/*", "/v2/{id}/*", "/works/7", "/v2/7")]
    [InlineData("/api/*", "/*", "/api/x", "/x")]
    [InlineData("/api/*", "/*", "/api", "/")]
    [InlineData("/{a}/{b}", "/{b}/{a}", "/1/2", "/2/1")]
    [InlineData("/*", "/front/*", "/x/y", "/front/x/y")]
    [InlineData("/old", "/new", "/old", "/new")]
    public void A_rewrite_is_made_of_parameters_and_the_tail(string match, string rewrite, string path, string expected)
    {
        var template = PathTemplate.TryParse(match)!;
        var routes = Compile(Route("r", match, r => r with { Rewrite = PathRewrite.TryParse(rewrite, template) }));
        var captures = default(PathCaptures);
        var head = Heads.Get(path);
        var writer = new HeadWriter(new byte[100]);
        routes.Find(head, ref captures)!.Config.Rewrite!.Write(ref writer, head.Path, ref captures);
        var bytes = new byte[100];
        var again = new HeadWriter(bytes);
        PathRewrite.TryParse(rewrite, template)!.Write(ref again, head.Path, ref captures);
        Encoding.ASCII.GetString(bytes, 0, again.Length).ShouldBe(expected);
    }

    [Fact]
    public void A_rewrite_with_an_unknown_parameter_is_refused()
    {
        PathRewrite.TryParse("/{other}", PathTemplate.TryParse("/{id}")!).ShouldBeNull();
        PathRewrite.TryParse("/*", PathTemplate.TryParse("/{id}")!).ShouldBeNull();
    }

    /// <summary>The tree against trying every route in order of rank.</summary>
    [Fact]
    public void The_tree_finds_what_a_walk_over_all_routes_finds()
    {
        var random = new Random(7);
        string[] parts = ["a", "b", "{x}", "{y}", ""];
        for (var round = 0; round < 300; round++)
        {
            var configs = new List<RouteConfig>();
            for (var i = 0; i < 12; i++)
            {
                var depth = random.Next(4);
                var picked = Enumerable.Range(0, depth).Select(n => parts[random.Next(n == depth - 1 ? 5 : 4)]).ToList();
                if (picked.Count(p => p == "{x}") > 1 || picked.Count(p => p == "{y}") > 1) continue;
                var text = "/" + string.Join('/', picked) + (random.Next(3) == 0 ? depth == 0 ? "*" : "/*" : "");
                configs.Add(Route($"r{i}", text, r => r with { Hosts = random.Next(3) switch { 0 => ["h.example"], 1 => ["*.example"], _ => [] } }));
            }
            var snapshot = Snapshot([.. configs]);
            var tree = new Router(snapshot.Routes);
            for (var probe = 0; probe < 40; probe++)
            {
                var path = "/" + string.Join('/', Enumerable.Range(0, random.Next(5)).Select(_ => (string[])["a", "b", "c", ""]).Select(p => p[random.Next(4)]));
                var host = random.Next(2) == 0 ? "h.example" : random.Next(2) == 0 ? "o.example" : "else";
                var captures = default(PathCaptures);
                var expected = snapshot.Routes.FirstOrDefault(r => MatchesHost(r, host) && MatchesPath(r.Path, path))?.Name;
                tree.Find(Heads.Get(path, host), ref captures)?.Name.ShouldBe(expected, $"{host}{path} in {string.Join(' ', configs.Select(c => c.Path.Text))}");
                if (expected is not null) tree.Find(Heads.Get(path, host), ref captures).ShouldNotBeNull();
            }
        }
    }

    private static bool MatchesHost(Route route, string host) =>
        route.Hosts.Count == 0 || route.Hosts.Any(h => h == host || (h.StartsWith("*.", StringComparison.Ordinal) && host.EndsWith(h[1..], StringComparison.Ordinal)));

    private static bool MatchesPath(PathTemplate template, string path)
    {
        var parts = path[1..].Split('/');
        if (template.Segments.Count > parts.Length || (!template.HasTail && template.Segments.Count != parts.Length)) return template.Segments.Count == 0 && template.HasTail;
        for (var i = 0; i < template.Segments.Count; i++)
        {
            if (template.Segments[i].Literal is { } literal ? literal != parts[i] : parts[i].Length == 0) return false;
        }
        return true;
    }

    private static RouteConfig Route(string name, string path, Func<RouteConfig, RouteConfig>? more = null)
    {
        var route = new RouteConfig(name) { Path = PathTemplate.TryParse(path) ?? throw new FormatException(path), Cluster = "c" };
        return more?.Invoke(route) ?? route;
    }

    private static Router Compile(params RouteConfig[] routes) => new(Snapshot(routes).Routes);

    private static EdgeSnapshot Snapshot(RouteConfig[] routes) => EdgeCompiler.Compile(
        new EdgeConfig { Routes = routes, Clusters = [new ClusterConfig("c") { Endpoints = [new("x", new System.Net.IPEndPoint(1, 1), 1)] }] }, null, Entropy.Seeded(1), new MonotonicClock(TimeProvider.System).Now);
}
