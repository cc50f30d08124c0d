using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>The sample in deploy/gateway: the gateway as a process of its own before two processes of the product.</summary>
public sealed class GatewayBeforeTwoTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_clip_is_ordered_and_followed_through_the_gateway_and_a_process_that_is_killed_is_not_missed()
    {
        await using var site = new ProgramSite(new Dictionary<string, string> { ["Edge:TrustedProxies:0"] = "127.0.0.1" });
        await site.StartAsync();
        var second = await site.StartBesideAsync("api", [KeyValuePair.Create("App:Role", "api")]);
        var (port, admin) = (RedisServerProcess.FreePort(), RedisServerProcess.FreePort());
        var file = Path.Combine(site.Root, "gateway.yaml");
        await File.WriteAllTextAsync(file, Sample().Replace("127.0.0.1:5080", $"127.0.0.1:{port}", StringComparison.Ordinal).Replace("127.0.0.1:9901", $"127.0.0.1:{admin}", StringComparison.Ordinal)
            .Replace("127.0.0.1:5081", $"127.0.0.1:{site.Port}", StringComparison.Ordinal).Replace("127.0.0.1:5082", $"127.0.0.1:{second.Address.Port}", StringComparison.Ordinal), Token);
        var gateway = await site.StartGatewayAsync(file, port);

        using var person = await Person.RegisterAsync(site, gateway.Address);
        var clip = await person.GenerateAsync("a lighthouse above a rough sea at sunset");
        await person.UntilAsync(clip, generation => (string?)generation["status"] is not "queued", "it was begun");
        using var http = new HttpClient { BaseAddress = gateway.Address };
        await Eventually.TrueAsync(async () =>
        {
            (await http.GetAsync(new Uri("/api/v1/plans", UriKind.Relative), Token)).StatusCode.ShouldBe(HttpStatusCode.OK);
            return (await TargetsAsync(admin)).All(t => (double)t!["latencyMs"]! > 0);
        }, "both processes were asked");

        await second.KillAsync();
        var failed = 0;
        for (var i = 0; i < 50; i++)
        {
            if ((await person.SendAsync(HttpMethod.Get, "/api/v1/users/me")).Status != HttpStatusCode.OK) failed++;
        }
        failed.ShouldBe(0, "the dead process was tried, and the living one answered instead");
        await Eventually.TrueAsync(async () => (await TargetsAsync(admin)).Count(t => (bool)t!["available"]!) == 1, "the dead process was taken out");
        (await gateway.StopAsync()).ShouldBe(0);
    }

    private static async Task<JsonArray> TargetsAsync(int admin)
    {
        using var http = new HttpClient();
        return JsonNode.Parse(await http.GetStringAsync(new Uri($"http://127.0.0.1:{admin}/status"), Token))!["clusters"]![0]!["targets"]!.AsArray();
    }

    private static string Sample([CallerFilePath] string here = "") => File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../../../deploy/gateway/gateway.yaml"));
}
