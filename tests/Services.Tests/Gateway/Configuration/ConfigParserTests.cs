using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Configuration;

public sealed class ConfigParserTests
{
    [Fact]
    public void Ten_lines_are_a_gateway()
    {
        var config = ConfigParser.Parse("gateway.yaml", """
            listen: ["127.0.0.1:8080"]
            clusters:
              api:
                endpoints: ["127.0.0.1:5001", {address: "127.0.0.1:5002", weight: 3}, "unix:/run/api.sock"]
                health: {path: /health/ready, interval: 2s}
            limits:
              per-address: {rate: 100/s, burst: 200, everywhere: true}
            routes:
              - {name: works, match: {path: "/works/{id}", methods: [GET]}, to: api, rewrite: "/v2/{id}", timeout: 250ms}
              - {to: api}
            """);

        config.Listen.Single().Address.Port.ShouldBe(8080);
        var cluster = config.Edge.Clusters.Single();
        cluster.Endpoints.Select(e => e.Weight).ShouldBe([1, 3, 1]);
        cluster.Group.ActiveHealth.Interval.ShouldBe(TimeSpan.FromSeconds(2));
        config.Edge.Limits.Single().Burst.ShouldBe(200);
        config.Edge.Routes[0].Timeout.ShouldBe(TimeSpan.FromMilliseconds(250));
        config.Edge.Routes[1].Name.ShouldBe("route-1");
        config.Edge.Routes[1].Path.ShouldBe(PathTemplate.Everything);
    }

    [Fact]
    public void Json_is_read_too() =>
        ConfigParser.Parse("g.json", """{"clusters":{"a":{"endpoints":["127.0.0.1:1"]}},"routes":[{"to":"a"}]}""").Edge.Routes.Count.ShouldBe(1);

    [Fact]
    public void Every_mistake_is_named_with_its_line_and_what_was_expected()
    {
        var mistakes = Should.Throw<ConfigException>(() => ConfigParser.Parse("gateway.yaml", """
            listen: ["nowhere"]
            colour: red
            clusters:
              api:
                endpoints: ["127.0.0.1:5001", "127.0.0.1:5001"]
                balance: luckiest
                connect_timeout: 5
              empty: {}
            limits:
              l: {rate: many}
            deny: [10.0.0.0/99]
            routes:
              - {name: a, to: nobody, timeout: -1s, auth: required, limits: [x]}
              - {name: a, to: api, rewrite: "/{id}", match: {path: "works", method: GET, host: "a b"}}
              - to: api
                request_headers: {set: {Content-Length: "1"}}
                canary: {to: api, percent: 101}
            """)).Mistakes;

        var lines = mistakes.Select(m => $"{m.Line} {m.Key}").ToList();
        string[] expected =
        [
            "1 listen[0].address", "2 colour", "5 clusters.api.endpoints", "6 clusters.api.balance", "7 clusters.api.connect_timeout", "8 clusters.empty.endpoints",
            "10 limits.l.rate", "11 deny", "13 routes", "13 routes[0].to", "13 routes[0].timeout", "13 routes[0].auth", "13 routes[0].limits",
            "14 routes[1].rewrite", "14 routes[1].match.path", "14 routes[1].match.method", "14 routes[1].match.host",
            "16 routes[2].request_headers.set", "17 routes[2].canary.percent",
        ];
        foreach (var line in expected) lines.ShouldContain(line);
        lines.Count.ShouldBe(expected.Length, string.Join("\n", mistakes));
        mistakes.First(m => m.Key.EndsWith("balance", StringComparison.Ordinal)).Expected.ShouldContain("power_of_two_choices");
    }

    [Fact]
    public void Every_mistake_about_discovery_and_experiments_is_named()
    {
        var mistakes = Should.Throw<ConfigException>(() => ConfigParser.Parse("gateway.yaml", """
            redis: localhost
            trusted_header: both
            clusters:
              a: {discover: {dns: "a b", port: 99999}}
              b: {discover: {srv: _http._tcp.b.test, port: 80}, endpoints: ["127.0.0.1:1"]}
              c: {discover: {registry: api}}
              d: {discover: {}}
              e: {discover: {file: e.yaml, server: "10.0.0.1:53"}, protocol: h2-tls}
            experiments:
              one: {arms: {only: 1}}
              two: {arms: {a: 1, b: many}, header: Content-Length}
            limits:
              "a b": {rate: 200000/s, burst: 1, shared: true, share: 0}
              l: {rate: 1/s, share: 0.5}
            routes:
              - {to: a, experiments: [three], allow: [everywhere]}
              - {to: a, mirror: {to: e, percent: 101, in_flight_max: 0}, hedge: {after: 0s, percentile: 0.2}, cache: {}, experiments: [one]}
            """)).Mistakes;

        string[] expected =
        [
            "1 redis", "2 trusted_header", "4 clusters.a.discover.dns", "4 clusters.a.discover.port", "4 clusters.a.discover.port", "5 clusters.b.discover.port", "5 clusters.b.discover",
            "6 clusters.c.discover.registry", "7 clusters.d.discover.dns", "8 clusters.e.discover.server", "8 clusters.e.protocol",
            "10 experiments.one.arms", "11 experiments.two.arms", "11 experiments.two.header", "13 limits.a b.shared", "13 limits.a b.shared", "13 limits.a b.shared", "13 limits.a b.share", "14 limits.l.share",
            "16 routes[0].experiments", "16 routes[0].allow",
            "17 routes[1].mirror.to", "17 routes[1].mirror.percent", "17 routes[1].mirror.in_flight_max", "17 routes[1].hedge.after", "17 routes[1].hedge.percentile", "17 routes[1].cache",
        ];
        mistakes.Select(m => $"{m.Line} {m.Key}").Order(StringComparer.Ordinal).ShouldBe(expected.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Broken_yaml_is_one_mistake_with_its_line() =>
        Should.Throw<ConfigException>(() => ConfigParser.Parse("g.yaml", "a: [\nb: c")).Mistakes.Single().Key.ShouldBe("(syntax)");

    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("1.5s", 1500)]
    [InlineData("2m", 120_000)]
    public void Durations_have_units(string text, double milliseconds)
    {
        Units.TryDuration(text, out var duration).ShouldBeTrue();
        duration.TotalMilliseconds.ShouldBe(milliseconds);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("-5s")]
    [InlineData("s")]
    [InlineData("5 s")]
    [InlineData("1e3s")]
    [InlineData("9999999999h")]
    public void What_is_no_duration_is_refused(string text) => Units.TryDuration(text, out _).ShouldBeFalse();
}
