using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Gateway;
using SkyRiff.Services.Tests.Gateway.Lean;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Running;

/// <summary>The whole thing from its file, as an operator runs it.</summary>
public sealed class GatewayHostTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-host-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_serves_reloads_logs_shows_and_stops()
    {
        await using var one = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
        await using var two = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
        var (port, admin) = (FreePort(), FreePort());
        var file = Path.Combine(_folder, "gateway.yaml");
        await File.WriteAllTextAsync(file, Config(port, admin, one.EndPoint), Token);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var output = new Lines("admin on");
        var running = GatewayHost.RunAsync(file, output, NullLoggerFactory.Instance, stopping.Token);
        await output.Seen.WaitAsync(TimeSpan.FromSeconds(10), Token);

        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        (await client.GetStringAsync(new Uri("/a?token=secret", UriKind.Relative), Token)).ShouldBe("one");
        (await client.GetAsync(new Uri("/none", UriKind.Relative), Token)).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        await File.WriteAllTextAsync(file, Config(port, admin, two.EndPoint) + "\nnonsense: 1", Token);
        await UntilAsync(async () => (await AdminAsync(admin, "/status")).Contains("nonsense", StringComparison.Ordinal), "the mistake is shown");
        (await client.GetStringAsync(new Uri("/a", UriKind.Relative), Token)).ShouldBe("one");

        await File.WriteAllTextAsync(file, Config(port, admin, two.EndPoint), Token);
        await UntilAsync(async () => await client.GetStringAsync(new Uri("/a", UriKind.Relative), Token) == "two", "the new file is in force");

        var metrics = await AdminAsync(admin, "/metrics");
        metrics.ShouldContain("gateway_requests_total{route=\"all\",class=\"2xx\"} ");
        metrics.ShouldContain("gateway_requests_total{route=\"(none)\",class=\"4xx\"} 1\n");
        metrics.ShouldContain("gateway_target_available{cluster=\"behind\"");
        var page = await AdminAsync(admin, "/");
        page.ShouldContain("<h2>Cluster behind</h2>");
        page.ShouldContain($"<code>{two.EndPoint}</code>");
        page.ShouldContain("<span class=good>available</span>");
        page.ShouldNotContain("http://"); // nothing from elsewhere

        await stopping.CancelAsync();
        (await running.WaitAsync(TimeSpan.FromSeconds(15), Token)).ShouldBe(0);
        var log = await File.ReadAllLinesAsync(Path.Combine(_folder, "access.jsonl"), Token);
        log.Length.ShouldBeGreaterThanOrEqualTo(3);
        foreach (var line in log) System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("request_id").GetString()!.Length.ShouldBe(32);
        log.ShouldContain(line => line.Contains("\"path\":\"/a\",\"status\":200", StringComparison.Ordinal));
        log.ShouldContain(line => line.Contains("\"code\":\"gateway.no_route\"", StringComparison.Ordinal));
        log.ShouldAllBe(line => !line.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Check_says_good_or_every_mistake()
    {
        var file = Path.Combine(_folder, "g.yaml");
        await File.WriteAllTextAsync(file, Config(1, 2, new IPEndPoint(IPAddress.Loopback, 3)), Token);
        var output = new StringWriter();
        (await GatewayHost.CheckAsync(file, output, Token)).ShouldBe(0);
        await File.WriteAllTextAsync(file, "routes: []\ncolour: red", Token);
        (await GatewayHost.CheckAsync(file, output, Token)).ShouldBe(2);
        output.ToString().ShouldContain("g.yaml:1: routes: expected at least one route");
        output.ToString().ShouldContain("g.yaml:2: colour: expected one of ");
        (await GatewayHost.CheckAsync(Path.Combine(_folder, "missing.yaml"), output, Token)).ShouldBe(3);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Config(int port, int admin, IPEndPoint upstream) => $$"""
        listen: [{address: "127.0.0.1:{{port}}", loops: 1}]
        admin: "127.0.0.1:{{admin}}"
        access_log: {path: "{{Path.Combine(_folder, "access.jsonl")}}"}
        clusters:
          behind: {endpoints: ["{{upstream}}"]}
        routes:
          - {name: all, match: {path: /a}, to: behind}
        """;

    private static async Task<string> AdminAsync(int port, string path)
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}{path}"), Token);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!await condition())
        {
            if (patience.Elapsed > TimeSpan.FromSeconds(15)) throw new TimeoutException($"Did not happen: {what}.");
            await Task.Yield();
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private sealed class Lines(string awaited) : StringWriter
    {
        private readonly TaskCompletionSource _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Seen => _seen.Task;

        public override Task WriteLineAsync(string? value)
        {
            if (value?.StartsWith(awaited, StringComparison.Ordinal) == true) _seen.TrySetResult();
            return base.WriteLineAsync(value);
        }
    }
}
