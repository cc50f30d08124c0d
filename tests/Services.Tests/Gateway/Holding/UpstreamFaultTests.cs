using System.Net;
using System.Net.Sockets;
using Shouldly;
using SkyRiff.Bench;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

[Collection(HoldingCollection.Name)]
public sealed class UpstreamFaultTests
{
    /// <summary>A breaker that opens only when nothing at all succeeds any more, which these tests see to.</summary>
    private const string Patient = "breaker: {window_calls: 1024, calls_min: 1024, failure_share: 1}, outliers: {enabled: false}, retries_max: 0, idle_timeout: 1s";

    /// <summary>What the client must see: a status, or 0 for a connection that is cut since the answer had begun.</summary>
    private static readonly (string Path, int Status)[] Faults =
    [
        ("/refuse", 502), ("/hang", 504), ("/reset", 502), ("/close", 502), ("/nonsense", 502), ("/reset-in-body", 0), ("/short", 0), ("/chunk-cut", 0), ("/long", 200), ("/drip", 200),
    ];

    private static readonly int Rounds = Campaign.Length(10, 300);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("front: lean, loops: 2")]
    [InlineData("front: kestrel")]
    public async Task Every_fault_has_its_status_and_leaves_no_socket_and_no_count_behind(string front)
    {
        await using var upstream = new LoadUpstream(MisbehaveAsync);
        await using var gateway = await GatewayProcess.StartAsync(front, $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"], {{Patient}} }
              away: {endpoints: ["127.0.0.1:1"], {{Patient}} }
            routes:
              - {name: refuse, match: {path: /refuse}, to: away}
              - {name: all, to: behind, timeout: 400ms}
            """);
        await new HonestLoad(gateway.Port, 2, 100).RunAsync(TimeSpan.FromMilliseconds(200), Token);
        await gateway.StatusAsync();
        await Eventually.TrueAsync(() => upstream.Connections == 0, "unused connections end");
        var sockets = gateway.Sockets;

        var wrong = new List<string>();
        foreach (var (path, status) in Faults)
        {
            var seen = await AskAsync(gateway.Port, path, connections: 10);
            if (seen.Count < Rounds || (status == 0 ? seen.Broken : seen.WithStatus(status)) != seen.Count) wrong.Add($"{path} {status}: {seen}");
            var fine = await AskAsync(gateway.Port, "/fine", connections: 10);
            if (fine.WithStatus(200) != fine.Count) wrong.Add($"/fine after {path}: {fine}");
        }
        wrong.ShouldBeEmpty();

        await gateway.UntilQuietAsync();
        await Eventually.TrueAsync(() => gateway.Sockets <= sockets, "no socket is left behind");
        await Eventually.TrueAsync(() => upstream.Connections == 0, "no connection to the upstream is left behind");
        var after = await AskAsync(gateway.Port, "/fine", connections: 10);
        after.WithStatus(200).ShouldBe(after.Count, after.ToString());
    }

    [Theory]
    [InlineData("front: lean, loops: 2")]
    [InlineData("front: kestrel")]
    public async Task An_upstream_that_comes_and_goes_is_used_when_it_is_there(string front)
    {
        var port = FreePort();
        await using var gateway = await GatewayProcess.StartAsync(front, $$"""
            clusters:
              behind: {endpoints: ["127.0.0.1:{{port}}"], {{Patient}} }
            routes:
              - {name: all, to: behind}
            """);
        for (var turn = 0; turn < Campaign.Length(5, 50); turn++)
        {
            await using (LoadUpstream.Answering(LoadUpstream.Ok, port))
            {
                var there = await AskAsync(gateway.Port, "/", connections: 5);
                there.WithStatus(200).ShouldBe(there.Count, $"turn {turn}: {there}");
            }
            var gone = await AskAsync(gateway.Port, "/", connections: 5);
            gone.WithStatus(502).ShouldBe(gone.Count, $"turn {turn}: {gone}");
        }
        await gateway.UntilQuietAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_of_three_dead_costs_nothing_once_it_was_noticed(bool refuses)
    {
        await using var one = LoadUpstream.Answering(LoadUpstream.Ok);
        await using var two = LoadUpstream.Answering(LoadUpstream.Ok);
        await using var dying = LoadUpstream.Answering(LoadUpstream.Ok);
        await using var gateway = await GatewayProcess.StartAsync("loops: 2", $$"""
            clusters:
              behind:
                endpoints: ["{{one.EndPoint}}", "{{two.EndPoint}}", "{{dying.EndPoint}}"]
                health: {path: /health, interval: 200ms, interval_when_unsure: 100ms, timeout: 200ms}
                breaker: {window_calls: 1024, calls_min: 1024}
            routes:
              - {name: all, to: behind, timeout: 500ms}
            """);
        var load = new HonestLoad(gateway.Port, 40, Campaign.Length(200, 1000));
        var before = await load.RunAsync(TimeSpan.FromSeconds(1), Token);
        before.WithStatus(200).ShouldBe(before.Count, before.ToString());

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var dyingTime = load.RunAsync(enough.Token);
        if (refuses) await dying.DisposeAsync();
        else dying.Serve = HangAsync;
        await Eventually.TrueAsync(async () => await AvailableAsync(gateway) == 2, "the probes noticed");
        await enough.CancelAsync();
        var during = await dyingTime;
        var after = await load.RunAsync(Campaign.Length(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20)), Token);

        var results = new Results(refuses ? "gateway-one-of-three-refuses" : "gateway-one-of-three-hangs");
        results.Add("requests until the probes noticed", "", during.Count);
        results.Add("failed until then", "", during.Count - during.WithStatus(200));
        results.Add("requests after it", "", after.Count);
        results.Add("failed after it", "", after.Count - after.WithStatus(200));
        results.Add("error rate after it", "%", 100.0 * (after.Count - after.WithStatus(200)) / after.Count);
        await Campaign.ReportAsync(results, Token);
        (after.Count - after.WithStatus(200)).ShouldBeLessThanOrEqualTo(after.Count / 1000, after.ToString());
        await gateway.UntilQuietAsync();
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    public async Task When_all_answer_with_errors_retries_add_at_most_their_budget(int status)
    {
        const int ReserveMax = 10;
        var answer = LoadUpstream.Answer(status, "no");
        await using var one = LoadUpstream.Answering(answer);
        await using var two = LoadUpstream.Answering(answer);
        await using var gateway = await GatewayProcess.StartAsync("loops: 2", $$"""
            clusters:
              behind: {endpoints: ["{{one.EndPoint}}", "{{two.EndPoint}}"], breaker: {window_calls: 1024, calls_min: 1024, failure_share: 1}, outliers: {enabled: false}, retry_budget: {reserve_max: {{ReserveMax}} } }
            routes:
              - {name: all, to: behind}
            """);
        var seen = await new HonestLoad(gateway.Port, 50, Campaign.Length(300, 1000)).RunAsync(Campaign.Length(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(20)), Token);
        var calls = one.Calls + two.Calls;
        var results = new Results($"gateway-all-answer-{status}");
        results.Add("client calls", "", seen.Count);
        results.Add("upstream calls per client call", "", calls / (double)seen.Count);
        results.Add("upstream calls per client call, the reserve of 10 apart", "", (calls - ReserveMax) / (double)seen.Count);
        await Campaign.ReportAsync(results, Token);
        seen.Broken.ShouldBe(0, seen.ToString());
        ((double)calls).ShouldBeLessThanOrEqualTo((seen.Count * 1.1) + ReserveMax);
        if (!Campaign.IsLong) return;
        (calls / (double)seen.Count).ShouldBeLessThanOrEqualTo(1.1 + 0.001);
    }

    [Fact]
    public async Task Behind_an_open_breaker_the_upstream_is_left_alone()
    {
        await using var upstream = LoadUpstream.Answering(LoadUpstream.Answer(500, "no"));
        await using var gateway = await GatewayProcess.StartAsync("loops: 2", $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"], outliers: {enabled: false} }
            routes:
              - {name: all, to: behind}
            """);
        var seen = await new HonestLoad(gateway.Port, 10, 300).RunAsync(TimeSpan.FromSeconds(2), Token);
        (seen.WithStatus(500) + seen.WithStatus(503)).ShouldBe(seen.Count, seen.ToString());
        upstream.Calls.ShouldBe(seen.WithStatus(500));
        upstream.Calls.ShouldBeLessThan(40, "ten calls fill the window, and those that were under way come on top");
        (await gateway.StatusAsync()).GetProperty("routes")[0].GetProperty("breaker").GetString().ShouldBe("Open");
    }

    private static Task<LoadSeen> AskAsync(int port, string path, int connections)
    {
        var turns = (Rounds + connections - 1) / connections;
        return new HonestLoad(port, connections, 100_000) { Path = path, TurnsMax = turns }.RunAsync(Token);
    }

    private static async Task<int> AvailableAsync(GatewayProcess gateway) =>
        (await gateway.StatusAsync()).GetProperty("clusters")[0].GetProperty("targets").EnumerateArray().Count(t => t.GetProperty("available").GetBoolean());

    private static async ValueTask<bool> HangAsync(LoadCall call)
    {
        await call.HangAsync();
        return false;
    }

    private static async ValueTask<bool> MisbehaveAsync(LoadCall call)
    {
        switch (call.Path)
        {
            case "/hang":
                await call.HangAsync();
                return false;
            case "/reset":
                call.Reset();
                return false;
            case "/close":
                return false;
            case "/nonsense":
                await call.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"u8.ToArray());
                return false;
            case "/reset-in-body":
                await call.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello"u8.ToArray());
                call.Reset();
                return false;
            case "/short":
                await call.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello"u8.ToArray());
                return false;
            case "/chunk-cut":
                await call.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"u8.ToArray());
                return false;
            case "/long":
                await call.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!"u8.ToArray());
                return true;
            case "/drip":
                foreach (var one in "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray())
                {
                    await call.SendAsync(new[] { one });
                    await Task.Yield();
                }
                return true;
            default:
                await call.SendAsync(LoadUpstream.Ok);
                return true;
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
