using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>deploy/gateway/gateway.yaml as it is, but for its ports: the gateway as a process of its own before two processes of the product.</summary>
public sealed class SampleGatewayTests
{
    private const int CallsAfter = 40;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_go_through_the_sample_and_a_dead_process_behind_it_hurts_nobody()
    {
        await using var site = new ProgramSite([new("Edge:TrustedProxies:0", "127.0.0.1")]);
        await site.StartAsync();
        var second = await site.StartBesideAsync("second", [new("App:Role", "api")]);
        await using var gateway = await SampleGateway.StartAsync(site, second);
        (await gateway.AdminAsync("/health/ready")).ShouldBe("ready"); // at once: the view is there before the program says so

        using var client = new HttpClient { BaseAddress = gateway.Address, Timeout = TimeSpan.FromSeconds(60) };
        using var registered = await client.PostAsJsonAsync(new Uri("/api/v1/auth/register", UriKind.Relative), new { handle = "throughgate", email = "gate@example.org", password = Person.Password }, Token);
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        registered.Headers.Contains("X-Request-Id").ShouldBeTrue();
        var token = (string)(await registered.Content.ReadFromJsonAsync<JsonNode>(Token))!["accessToken"]!;
        (await StatusAsync(client, "/api/v1/wallet", null)).ShouldBe(HttpStatusCode.Unauthorized);
        (await StatusAsync(client, "/api/v1/wallet", token + "x")).ShouldBe(HttpStatusCode.Unauthorized);
        (await StatusAsync(client, "/api/v1/wallet", token)).ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(async () => (await gateway.TargetsAsync()).All(target => (bool)target!["available"]!), "both processes are available");

        await second.KillAsync();
        for (var i = 0; i < CallsAfter; i++) (await StatusAsync(client, "/api/v1/wallet", token)).ShouldBe(HttpStatusCode.OK, $"call {i} after the death");
        await Eventually.TrueAsync(async () => (await gateway.TargetsAsync()).Count(target => (bool)target!["available"]!) == 1, "the dead process is known");
        (await gateway.StopAsync()).ShouldBe(0);
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var reply = await client.SendAsync(request, Token);
        return reply.StatusCode;
    }

    private sealed class SampleGateway(Process process, int port, int admin) : IAsyncDisposable
    {
        private readonly HttpClient _admin = new() { BaseAddress = Local(admin) };

        public Uri Address { get; } = Local(port);

        public static async Task<SampleGateway> StartAsync(ProgramSite site, RunningProgram second)
        {
            var (port, admin) = (FreePort(), FreePort());
            var file = Path.Combine(site.Root, "gateway.yaml");
            var sample = await File.ReadAllTextAsync(Path.Combine(Checkout(), "deploy", "gateway", "gateway.yaml"), Token);
            await File.WriteAllTextAsync(file, sample.Replace(":5080", Colon(port)).Replace(":5081", Colon(site.Port)).Replace(":5082", Colon(second.Address.Port)).Replace(":9901", Colon(admin)), Token);
            var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "skyriff"), ["gateway", "run", "--config", file]) { UseShellExecute = false, RedirectStandardOutput = true };
            var gateway = new SampleGateway(Process.Start(start)!, port, admin);
            var said = new List<string>();
            while (await gateway.ReadLineAsync() is { } line)
            {
                if (line.StartsWith("listening on", StringComparison.Ordinal)) return gateway;
                said.Add(line);
            }
            await gateway.DisposeAsync();
            throw new InvalidOperationException($"The gateway ended before it served: {string.Join('\n', said)}");
        }

        public Task<string> AdminAsync(string path) => _admin.GetStringAsync(new Uri(path, UriKind.Relative), Token);

        public async Task<JsonArray> TargetsAsync() => JsonNode.Parse(await AdminAsync("/status"))!["clusters"]![0]!["targets"]!.AsArray();

        /// <summary>SIGTERM; answers the exit code.</summary>
        public async Task<int> StopAsync()
        {
            using var kill = Process.Start("kill", ["-s", "TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await Eventually.TrueAsync(() => process.HasExited, "the gateway stopped after SIGTERM", TimeSpan.FromSeconds(40));
            return process.ExitCode;
        }

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
            _admin.Dispose();
        }

        private ValueTask<string?> ReadLineAsync() => process.StandardOutput.ReadLineAsync(Token);

        private static Uri Local(int port) => new("http://127.0.0.1" + Colon(port));

        private static string Colon(int port) => string.Create(CultureInfo.InvariantCulture, $":{port}");

        private static string Checkout()
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder!.FullName, "SkyRiff.slnx"))) folder = folder.Parent;
            return folder.FullName;
        }

        private static int FreePort()
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return ((IPEndPoint)socket.LocalEndPoint!).Port;
        }
    }
}
