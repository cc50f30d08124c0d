using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Bench;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

[Collection(HoldingCollection.Name)]
public sealed class ReloadTests : IDisposable
{
    private const int AnswersBetween = 20;
    private static readonly int Reloads = Campaign.Length(20, 200);

    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-reload-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reloading_again_and_again_under_load_fails_no_request()
    {
        await using var one = LoadUpstream.Answering(LoadUpstream.Ok);
        await using var two = LoadUpstream.Answering(LoadUpstream.Ok);
        var file = Path.Combine(_folder, "gateway.yaml");
        var text = Config(0, one.EndPoint, two.EndPoint);
        await File.WriteAllTextAsync(file, text, Token);
        await using var runtime = new EdgeRuntime(ConfigParser.Parse(file, text).Edge, TimeProvider.System, Entropy.System, NullLoggerFactory.Instance);
        await runtime.StartAsync(Token);
        await using var lean = LeanFront.Start(new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 2 }, runtime.Snapshot, TimeProvider.System, Entropy.System);
        await using var kestrel = await KestrelFront.StartAsync(new ListenConfig(new(IPAddress.Loopback, 0)) { IsLean = false }, runtime, null, TimeProvider.System, Token);
        runtime.Applied += snapshot => lean.Snapshot = snapshot;
        await using var reloader = new ConfigReloader(file, text, runtime, TimeProvider.System, Entropy.System, NullLogger<ConfigReloader>.Instance);

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var (leanSeen, kestrelSeen) = (new LoadSeen(), new LoadSeen());
        // POST: what fails on a connection that the reload closed under it would not be tried again.
        Task[] loads = [new HonestLoad(lean.EndPoint.Port, 20, 1000) { Method = "POST" }.RunAsync(leanSeen, enough.Token), new HonestLoad(kestrel.EndPoint.Port, 20, 500) { Method = "POST" }.RunAsync(kestrelSeen, enough.Token)];
        for (var i = 1; i <= Reloads; i++)
        {
            var (leanBefore, kestrelBefore) = (leanSeen.Count, kestrelSeen.Count);
            await File.WriteAllTextAsync(file, Config(i, one.EndPoint, two.EndPoint), Token);
            await reloader.TryReloadAsync(Token);
            reloader.LastMistakes.ShouldBeEmpty();
            await Eventually.TrueAsync(() => leanSeen.Count > leanBefore + AnswersBetween && kestrelSeen.Count > kestrelBefore + AnswersBetween, "requests go on between reloads");
        }
        await enough.CancelAsync();
        await Task.WhenAll(loads);

        var results = new Results("gateway-reload");
        results.Add("reloads", "", reloader.Reloads);
        results.Add("requests meanwhile, lean", "", leanSeen.Count);
        results.Add("requests meanwhile, kestrel", "", kestrelSeen.Count);
        results.Add("failed", "", leanSeen.Count - leanSeen.WithStatus(200) + kestrelSeen.Count - kestrelSeen.WithStatus(200));
        await Campaign.ReportAsync(results, Token);
        reloader.Reloads.ShouldBe(Reloads);
        leanSeen.WithStatus(200).ShouldBe(leanSeen.Count, leanSeen.ToString());
        kestrelSeen.WithStatus(200).ShouldBe(kestrelSeen.Count, kestrelSeen.ToString());
        (one.Calls + two.Calls).ShouldBe(leanSeen.Count + kestrelSeen.Count, "nothing is asked twice");
    }

    [Theory]
    [InlineData("front: lean")]
    [InlineData("front: kestrel")]
    public async Task Stopping_under_load_fails_no_request(string listen)
    {
        var (rounds, answered, failed) = (Campaign.Length(1, 20), 0, 0);
        var seen = new List<string>();
        for (var round = 0; round < rounds; round++)
        {
            await using var upstream = LoadUpstream.Answering(LoadUpstream.Ok);
            await using var gateway = await GatewayProcess.StartAsync(listen, $$"""
                clusters:
                  behind: {endpoints: ["{{upstream.EndPoint}}"] }
                routes:
                  - {name: all, to: behind}
                """);
            var (kept, fresh) = (new LoadSeen(), new LoadSeen());
            Task[] loads =
            [
                new HonestLoad(gateway.Port, 40, 1000) { Method = "POST", EndsWhenRefused = true }.RunAsync(kept, Token),
                new HonestLoad(gateway.Port, 10, 200) { NewConnections = true, EndsWhenRefused = true }.RunAsync(fresh, Token),
            ];
            await Eventually.TrueAsync(() => kept.Count > 500, "requests are answered");
            (await gateway.StopAsync()).ShouldBe(0);
            await Task.WhenAll(loads);
            foreach (var load in (LoadSeen[])[kept, fresh])
            {
                (answered, failed) = (answered + load.WithStatus(200), failed + load.Count - load.WithStatus(200));
                if (load.WithStatus(200) < load.Count) seen.Add($"round {round}: {load}");
            }
        }
        var results = new Results("gateway-stop-" + listen.Split(' ')[^1]);
        results.Add("stops", "", rounds);
        results.Add("requests answered", "", answered);
        results.Add("failed", "", failed);
        await Campaign.ReportAsync(results, Token);
        seen.ShouldBeEmpty();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Endpoints come and go, and with them weights, limits, routes and time limits.</summary>
    private static string Config(int number, IPEndPoint one, IPEndPoint two)
    {
        var endpoints = (number % 3) switch { 0 => $"\"{one}\", \"{two}\"", 1 => $"\"{two}\"", _ => $"{{address: \"{one}\", weight: {1 + (number % 5)}}}" };
        return $$"""
            listen: ["127.0.0.1:1"]
            limits:
              per-address: {rate: {{100_000 + number}}/s, burst: 100000, everywhere: true}
            clusters:
              behind: {endpoints: [{{endpoints}}], balance: {{(number % 2 == 0 ? "round_robin" : "least_latency")}} }
            routes:
              - {name: r{{number}}, match: {path: /r{{number}} }, to: behind}
              - {name: all, to: behind, timeout: {{2 + (number % 4)}}s}
            """;
    }
}
