using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>skyriff gateway register as a process of its own beside an instance, and a gateway that follows the registry.</summary>
public sealed class RegisteredInstanceTests
{
    /// <summary>Renewed three times in its length; after a kill at most this long until nobody is sent there.</summary>
    private const int ShortLeaseSeconds = 3;

    /// <summary>Longer than this test waits for anything: what is gone earlier was given up.</summary>
    private const int LongLeaseSeconds = 600;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_instance_comes_with_its_registrar_and_goes_with_it_or_with_its_check()
    {
        await using var redis = await RedisServerProcess.StartAsync();
        await using var steady = await Instance.StartAsync("steady");
        await using var other = await Instance.StartAsync("other");
        var address = string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{redis.Port}");
        using var keeping = Register(address, steady, LongLeaseSeconds);
        await using var gateway = await FollowingGateway.StartAsync(address);

        using (var killed = Register(address, other, ShortLeaseSeconds))
        {
            await gateway.UntilSentToAsync(steady, other);
            killed.Kill();
            await killed.WaitForExitAsync(Token);
            (await gateway.TargetsAsync()).ShouldBe([steady.Address, other.Address], ignoreOrder: true, "the lease is not over");
            await gateway.UntilSentToAsync(steady);
        }

        using (var leaving = Register(address, other, LongLeaseSeconds))
        {
            await gateway.UntilSentToAsync(steady, other);
            Signal(leaving, "TERM");
            await gateway.UntilSentToAsync(steady);
            await leaving.WaitForExitAsync(Token);
            leaving.ExitCode.ShouldBe(0);
        }

        using var watched = Register(address, other, ShortLeaseSeconds);
        await gateway.UntilSentToAsync(steady, other);
        other.IsReady = false;
        await gateway.UntilSentToAsync(steady);
        watched.HasExited.ShouldBeFalse();
        other.IsReady = true;
        await gateway.UntilSentToAsync(steady, other);

        Signal(watched, "TERM");
        Signal(keeping, "TERM");
        await Task.WhenAll(watched.WaitForExitAsync(Token), keeping.WaitForExitAsync(Token));
        (watched.ExitCode, keeping.ExitCode).ShouldBe((0, 0));
        (await gateway.AskAsync()).ShouldNotBeEmpty(); // nobody is registered, which changes nothing
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("ftp://127.0.0.1/")]
    public async Task A_check_that_cannot_be_asked_is_a_usage_mistake(string check)
    {
        using var process = Start("gateway", "register", "--redis", "redis://127.0.0.1:1", "--registry", "api", "--address", "127.0.0.1:1", "--check", check);
        await process.WaitForExitAsync(Token);
        process.ExitCode.ShouldBe(2);
    }

    private static Process Register(string redis, Instance instance, int leaseSeconds) => Start(
        "gateway", "register", "--redis", redis, "--registry", "api", "--address", instance.Address, "--lease", leaseSeconds.ToString(CultureInfo.InvariantCulture), "--check", $"http://{instance.Address}/ready");

    private static Process Start(params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "skyriff"), arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine(); // a full pipe would stop it
        return process;
    }

    private static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", ["-s", signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>A service that says its name, and at /ready whether it is.</summary>
    private sealed class Instance(WebApplication app) : IAsyncDisposable
    {
        private volatile bool _isReady = true;

        public bool IsReady
        {
            get => _isReady;
            set => _isReady = value;
        }

        public string Address => new Uri(app.Urls.First()).Authority;

        public static async Task<Instance> StartAsync(string name)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            var app = builder.Build();
            var instance = new Instance(app);
            app.Run(context =>
            {
                if (context.Request.Path != "/ready") return context.Response.WriteAsync(name, context.RequestAborted);
                context.Response.StatusCode = instance.IsReady ? StatusCodes.Status204NoContent : StatusCodes.Status503ServiceUnavailable;
                return Task.CompletedTask;
            });
            await app.StartAsync(Token);
            return instance;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }

    private sealed class FollowingGateway(Process process, string folder, int port, int admin) : IAsyncDisposable
    {
        private readonly HttpClient _client = new() { BaseAddress = Local(port) };
        private readonly HttpClient _admin = new() { BaseAddress = Local(admin) };

        public static async Task<FollowingGateway> StartAsync(string redis)
        {
            var folder = Directory.CreateTempSubdirectory("gateway-following-").FullName;
            var (port, admin, file) = (FreePort(), FreePort(), Path.Combine(folder, "gateway.yaml"));
            await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $$"""
                listen: ["127.0.0.1:{{port}}"]
                admin: "127.0.0.1:{{admin}}"
                redis: "{{redis}}"
                clusters:
                  api: {discover: {registry: api, interval: 100ms}, balance: round_robin}
                routes:
                  - {to: api}
                """), Token);
            var gateway = new FollowingGateway(Start("gateway", "run", "--config", file), folder, port, admin);
            await Eventually.TrueAsync(gateway.IsThereAsync, "the gateway serves");
            return gateway;
        }

        /// <summary>These are its targets, and whom requests are sent to.</summary>
        public async Task UntilSentToAsync(params Instance[] instances)
        {
            var expected = instances.Select(i => i.Address).Order().ToArray();
            await Eventually.TrueAsync(async () => (await TargetsAsync()).Order().SequenceEqual(expected), $"the targets are {string.Join(", ", expected)}");
            var names = new HashSet<string>();
            for (var i = 0; i < 2 * instances.Length; i++) names.Add(await AskAsync());
            names.Count.ShouldBe(instances.Length);
        }

        public Task<string> AskAsync() => _client.GetStringAsync(new Uri("/", UriKind.Relative), Token);

        public async Task<string[]> TargetsAsync()
        {
            var status = JsonNode.Parse(await _admin.GetStringAsync(new Uri("/status", UriKind.Relative), Token))!;
            return [.. status["clusters"]![0]!["targets"]!.AsArray().Select(t => (string)t!["address"]!)];
        }

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
            _client.Dispose();
            _admin.Dispose();
            Directory.Delete(folder, recursive: true);
        }

        private static Uri Local(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

        private async Task<bool> IsThereAsync()
        {
            if (process.HasExited) throw new InvalidOperationException($"The gateway ended: {await process.StandardOutput.ReadToEndAsync(Token)}");
            try
            {
                return (await AskAsync()).Length > 0;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }
}
