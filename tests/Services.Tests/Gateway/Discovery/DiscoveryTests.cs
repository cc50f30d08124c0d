using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Discovery;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Discovery;

/// <summary>Endpoints that come and go while a gateway runs.</summary>
public sealed class DiscoveryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-discovery-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_file_is_followed_and_one_with_mistakes_changes_nothing()
    {
        var file = Path.Combine(_folder, "endpoints.yaml");
        await File.WriteAllTextAsync(file, "endpoints: [\"10.0.0.1:1\"]", Token);
        await using var runtime = await StartedAsync(new DiscoveryConfig(DiscoveryKind.File, file) { Interval = TimeSpan.FromMilliseconds(100) });
        Ids(runtime).ShouldBe(["10.0.0.1:1"]);

        await File.WriteAllTextAsync(file, "endpoints: [{address: \"10.0.0.2:2\", weight: 3}, \"10.0.0.1:1\"]", Token);
        await Eventually.TrueAsync(() => Ids(runtime).SequenceEqual(["10.0.0.1:1", "10.0.0.2:2"]), "the second endpoint came");
        runtime.Snapshot.Clusters["c"].Targets[1].Endpoint.Weight.ShouldBe(3);

        await File.WriteAllTextAsync(file, "endpoints: [nowhere]", Token);
        await Eventually.TrueAsync(() => runtime.DiscoveryTroubles.GetValueOrDefault("c", "").Contains("endpoints[0].address", StringComparison.Ordinal), "the mistake is told");
        await File.WriteAllTextAsync(file, "endpoints: []", Token);
        await Eventually.TrueAsync(() => runtime.DiscoveryTroubles.GetValueOrDefault("c", "").Contains("nobody", StringComparison.Ordinal), "the emptiness is told");
        Ids(runtime).ShouldBe(["10.0.0.1:1", "10.0.0.2:2"]);
    }

    [Fact]
    public async Task An_answer_of_dns_that_fails_to_come_leaves_the_last_good_one()
    {
        await using var dns = new ScriptedDns();
        dns.Records["api.test A"] = ["A 0 10.0.0.1"];
        await using var runtime = await StartedAsync(new DiscoveryConfig(DiscoveryKind.DnsAddresses, "api.test") { Port = 80, Server = dns.EndPoint, Interval = TimeSpan.FromMilliseconds(100) });
        Ids(runtime).ShouldBe(["10.0.0.1:80"]);
        dns.Code = 2;
        await Eventually.TrueAsync(() => runtime.DiscoveryTroubles.Count == 1, "the failure is told");
        Ids(runtime).ShouldBe(["10.0.0.1:80"]);
        dns.Records["api.test A"] = ["A 0 10.0.0.2"];
        dns.Code = 0;
        await Eventually.TrueAsync(() => Ids(runtime).SequenceEqual(["10.0.0.2:80"]), "the new address is used");
        runtime.DiscoveryTroubles.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_stays_keeps_what_is_known_about_it_and_requests_under_way_end_well()
    {
        var release = new TaskCompletionSource();
        await using var slow = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null)
            {
                await release.Task;
                await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
            }
        });
        await using var other = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
        var file = Path.Combine(_folder, "endpoints.yaml");
        await File.WriteAllTextAsync(file, $"endpoints: [\"{slow.EndPoint}\"]", Token);
        await using var runtime = await StartedAsync(new DiscoveryConfig(DiscoveryKind.File, file) { Interval = TimeSpan.FromMilliseconds(100) });
        await using var front = LeanFront.Start(new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 1, DrainIdleTimeout = TimeSpan.FromMilliseconds(1) }, runtime.Snapshot, TimeProvider.System, Entropy.System);
        runtime.Applied += snapshot => front.Snapshot = snapshot;
        using var client = await Wire.ConnectAsync(front.EndPoint);
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var target = runtime.Snapshot.Clusters["c"].Targets.Single();
        await Eventually.TrueAsync(() => target.Endpoint.InFlight == 1, "the request is under way");

        await File.WriteAllTextAsync(file, $"endpoints: [\"{slow.EndPoint}\", \"{other.EndPoint}\"]", Token);
        await Eventually.TrueAsync(() => Ids(runtime).Count == 2, "the second endpoint came");
        runtime.Snapshot.Clusters["c"].Targets.ShouldContain(target);

        await File.WriteAllTextAsync(file, $"endpoints: [\"{other.EndPoint}\"]", Token);
        await Eventually.TrueAsync(() => Ids(runtime).Count == 1, "the first endpoint went");
        release.SetResult();
        (await client.ReadResponseAsync()).Body.ShouldBe("one");
        await Eventually.TrueAsync(() => target.Endpoint.InFlight == 0, "the old endpoint's request was counted off");
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("two");
    }

    [Fact]
    public async Task An_instance_that_registers_is_found_and_one_whose_lease_ends_is_gone()
    {
        await using var server = await RedisServerProcess.StartAsync();
        var redis = $"redis://127.0.0.1:{server.Port}";
        await using var client = RedisClient.Create(RedisOptions.Parse(redis));
        var registry = new Registry(client, "api");
        await registry.RenewAsync("10.0.0.1:1", 1, TimeSpan.FromMilliseconds(600), Token); // and never again, as if it had been killed
        await using var runtime = await StartedAsync(new DiscoveryConfig(DiscoveryKind.Registry, "api") { Interval = TimeSpan.FromMilliseconds(100) }, redis);
        await using (var registration = Register(registry, "10.0.0.2:2", check: null))
        {
            await registration.StartAsync(Token);
            await Eventually.TrueAsync(() => Ids(runtime).SequenceEqual(["10.0.0.2:2"]), "the living one is there and the dead one's lease has ended");
            using var lifetime = await client.CallAsync(["PTTL", "gateway:registry:api"], Token);
            lifetime.Root.Integer.ShouldBeGreaterThan(0);
            await registry.RenewAsync("10.0.0.3:3", 2, TimeSpan.FromMinutes(1), Token);
            await Eventually.TrueAsync(() => Ids(runtime).Count == 2, "the third one came");
        }
        await Eventually.TrueAsync(() => Ids(runtime).SequenceEqual(["10.0.0.3:3"]), "who stopped in order is gone at once");
        runtime.Snapshot.Clusters["c"].Targets.Single().Endpoint.Weight.ShouldBe(2);

        server.Kill();
        await Eventually.TrueAsync(() => runtime.DiscoveryTroubles.Count == 1, "the outage is told");
        Ids(runtime).ShouldBe(["10.0.0.3:3"]);
    }

    [Fact]
    public async Task A_lease_is_held_only_while_the_instance_says_that_it_is_ready()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var client = RedisClient.Create(RedisOptions.Parse($"redis://127.0.0.1:{server.Port}"));
        var registry = new Registry(client, "api");
        var isReady = true;
        await using var instance = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null) await wire.WriteAsync(isReady ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        });
        await using var registration = Register(registry, "10.0.0.1:1", new Uri($"http://{instance.EndPoint}/health/ready"));
        await registration.StartAsync(Token);
        await Eventually.TrueAsync(async () => (await registry.ReadAsync(Token)).Count == 1, "it is registered");
        isReady = false;
        await Eventually.TrueAsync(async () => (await registry.ReadAsync(Token)).Count == 0, "its lease ended");
        registration.IsHeld.ShouldBeFalse();
        isReady = true;
        await Eventually.TrueAsync(async () => (await registry.ReadAsync(Token)).Count == 1, "it is registered again");
    }

    [Fact]
    public void Of_two_entries_for_an_address_the_later_one_counts_and_nonsense_is_left_out() =>
        Registry.Parse(["10.0.0.1:1 5", "nonsense", "10.0.0.2:2 0", "10.0.0.3:3", "10.0.0.1:1 7", "unix:/run/a b.sock 2"])
            .Select(e => $"{e.Id} {e.Weight}").ShouldBe(["10.0.0.1:1 7", "unix:/run/a b.sock 2"]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Registration Register(Registry registry, string address, Uri? check) =>
        new(registry, address, 1, TimeSpan.FromSeconds(1), check, TimeProvider.System, Entropy.System, NullLogger<Registration>.Instance);

    private static async Task<EdgeRuntime> StartedAsync(DiscoveryConfig discovery, string redis = "")
    {
        var config = new EdgeConfig { Redis = redis, Clusters = [new ClusterConfig("c") { Discovery = discovery, Balance = "round_robin" }], Routes = [new RouteConfig("r") { Cluster = "c" }] };
        var runtime = new EdgeRuntime(config, TimeProvider.System, Entropy.System, NullLoggerFactory.Instance);
        await runtime.StartAsync(Token);
        return runtime;
    }

    private static List<string> Ids(EdgeRuntime runtime) => [.. runtime.Snapshot.Clusters["c"].Targets.Select(t => t.Endpoint.Id)];
}
