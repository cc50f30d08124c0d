using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway;

namespace SkyRiff.Bench.Gateway;

/// <summary>
/// The gateway beside nginx and HAProxy: the same upstream, the same clients, one after the other in turns, proxies pinned to the first two cores, clients and
/// upstream to the others. Needs nginx, haproxy and wrk (<c>bench/install-peers.sh</c>).
/// </summary>
public static class GatewaySuite
{
    private const int IdleConnections = 15_000;
    private const int IdlePerAddress = 3_000;
    private static readonly string ProxyCores = "0,1";
    private static readonly string OtherCores = Environment.ProcessorCount >= 4 ? "2,3" : "0,1";

    /// <summary>The process under measurement: the gateway from a file, until it is told to stop.</summary>
    public static async Task<int> ServeAsync(string configFile)
    {
        using var stopping = new CancellationTokenSource();
        using var signal = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stopping.Cancel();
        });
        using var loggers = LoggerFactory.Create(_ => { });
        return await GatewayHost.RunAsync(configFile, Console.Out, loggers, stopping.Token);
    }

    /// <summary>Runs the suite and writes <c>gateway.json</c>; 0, or 2 when a peer is not installed.</summary>
    public static async Task<int> RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        foreach (var peer in (string[])["nginx", "haproxy", "wrk", "taskset"])
        {
            if ((Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin").Split(':').Any(folder => File.Exists(Path.Combine(folder, peer)))) continue;
            Console.Error.WriteLine($"{peer} is not installed; run bench/install-peers.sh");
            return 2;
        }
        var folder = Directory.CreateTempSubdirectory("gateway-bench-").FullName;
        var results = new Results("gateway");
        try
        {
            await CompareAsync(results, folder, quick, cancellationToken);
            await FeaturesAsync(results, folder, quick, cancellationToken);
            await IdleAsync(results, folder, cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        results.Print(Console.Out);
        await results.WriteAsync(resultsDir, cancellationToken);
        return 0;
    }

    private static async Task CompareAsync(Results results, string folder, bool quick, CancellationToken cancellationToken)
    {
        var (repetitions, duration) = quick ? (2, TimeSpan.FromSeconds(2)) : (5, TimeSpan.FromSeconds(5));
        var (jwks, token) = PeerConfigs.Credentials(TimeProvider.System.GetUtcNow());
        var jwksFile = await WriteAsync(folder, "jwks.json", jwks, cancellationToken);
        var upstreamPort = FreePort();
        await using var upstream = await PinnedProcess.StartAsync(OtherCores, "/usr/sbin/nginx",
            ["-p", folder, "-c", await WriteAsync(folder, "upstream.conf", PeerConfigs.NginxUpstream(folder, upstreamPort), cancellationToken)], upstreamPort, cancellationToken);
        foreach (var full in (bool[])[false, true])
        {
            var kind = full ? "full" : "plain";
            var (ours, nginx, haproxy) = (FreePort(), FreePort(), FreePort());
            await using var gatewayProcess = await GatewayAsync(folder, kind, ours, PeerConfigs.Gateway(ours, upstreamPort, full ? jwksFile : null, full, accessLog: null), cancellationToken);
            await using var nginxProcess = await PinnedProcess.StartAsync(ProxyCores, "/usr/sbin/nginx",
                ["-p", folder, "-c", await WriteAsync(folder, kind + ".conf", PeerConfigs.NginxProxy(folder, nginx, upstreamPort, full), cancellationToken)], nginx, cancellationToken);
            await using var haproxyProcess = await PinnedProcess.StartAsync(ProxyCores, "/usr/sbin/haproxy",
                ["-db", "-f", await WriteAsync(folder, kind + ".cfg", PeerConfigs.Haproxy(haproxy, upstreamPort, full), cancellationToken)], haproxy, cancellationToken);
            (string Name, PinnedProcess Process, int Port)[] proxies = [("gateway", gatewayProcess, ours), ("nginx", nginxProcess, nginx), ("haproxy", haproxyProcess, haproxy)];
            var header = full ? "Authorization: Bearer " + token : null;
            foreach (var (_, _, port) in proxies) await Load.RunAsync(OtherCores, 64, TimeSpan.FromSeconds(quick ? 2 : 5), port, header, cancellationToken); // warm
            for (var i = 0; i < repetitions; i++)
            {
                foreach (var connections in (int[])[64, 256])
                {
                    foreach (var (name, process, port) in proxies)
                    {
                        var (load, cpu) = await MeasureAsync(process, connections, duration, port, header, cancellationToken);
                        var suffix = $"{kind}.c{connections}";
                        results.Add($"{name}.cpu_us_per_request.{suffix}", "us", cpu);
                        results.Add($"{name}.requests_per_s.{suffix}", "1/s", load.RequestsPerSecond);
                        results.Add($"{name}.p99_ms.{suffix}", "ms", load.P99Milliseconds);
                    }
                }
            }
            foreach (var connections in (int[])[64, 256])
            {
                var suffix = $"{kind}.c{connections}";
                results.Add($"gateway_to_nginx.cpu_ratio.{suffix}", "", results.Median($"gateway.cpu_us_per_request.{suffix}") / results.Median($"nginx.cpu_us_per_request.{suffix}"));
            }
        }
    }

    /// <summary>What each feature adds to a request, at 64 connections.</summary>
    private static async Task FeaturesAsync(Results results, string folder, bool quick, CancellationToken cancellationToken)
    {
        var (jwks, token) = PeerConfigs.Credentials(TimeProvider.System.GetUtcNow());
        var jwksFile = await WriteAsync(folder, "features.json", jwks, cancellationToken);
        var upstreamPort = FreePort();
        await using var upstream = await PinnedProcess.StartAsync(OtherCores, "/usr/sbin/nginx",
            ["-p", folder, "-c", await WriteAsync(folder, "upstream.conf", PeerConfigs.NginxUpstream(folder, upstreamPort), cancellationToken)], upstreamPort, cancellationToken);
        (string Name, bool Jwt, bool Limited, bool Logged)[] variants =
            [("none", false, false, false), ("rate_limit", false, true, false), ("jwt", true, false, false), ("access_log", false, false, true), ("all", true, true, true)];
        var running = new List<(string Name, PinnedProcess Process, int Port, string? Header)>();
        try
        {
            foreach (var (name, jwt, limited, logged) in variants)
            {
                var port = FreePort();
                var config = PeerConfigs.Gateway(port, upstreamPort, jwt ? jwksFile : null, limited, logged ? "/dev/null" : null);
                running.Add((name, await GatewayAsync(folder, "feature-" + name, port, config, cancellationToken), port, jwt ? "Authorization: Bearer " + token : null));
            }
            for (var i = -1; i < (quick ? 2 : 5); i++)
            {
                foreach (var (name, process, port, header) in running)
                {
                    var (_, cpu) = await MeasureAsync(process, 64, TimeSpan.FromSeconds(quick ? 2 : 3), port, header, cancellationToken);
                    if (i >= 0) results.Add($"gateway.cpu_us_per_request.with.{name}", "us", cpu);
                }
            }
        }
        finally
        {
            foreach (var (_, process, _, _) in running) await process.DisposeAsync();
        }
    }

    /// <summary>Resident memory that 15,000 keep-alive connections add, each after one request.</summary>
    private static async Task IdleAsync(Results results, string folder, CancellationToken cancellationToken)
    {
        var (port, upstreamPort) = (FreePort(), FreePort());
        await using var upstream = await PinnedProcess.StartAsync(OtherCores, "/usr/sbin/nginx",
            ["-p", folder, "-c", await WriteAsync(folder, "upstream.conf", PeerConfigs.NginxUpstream(folder, upstreamPort), cancellationToken)], upstreamPort, cancellationToken);
        await using var gateway = await GatewayAsync(folder, "idle", port, PeerConfigs.Gateway(port, upstreamPort, null, limited: false, accessLog: null), cancellationToken);
        await Load.RunAsync(OtherCores, 64, TimeSpan.FromSeconds(2), port, null, cancellationToken);
        var before = gateway.ResidentBytes();
        var sockets = new List<Socket>(IdleConnections);
        try
        {
            var buffer = new byte[4096];
            for (var i = 0; i < IdleConnections; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(1 + (i / IdlePerAddress))]), 0));
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
                await socket.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), cancellationToken);
                await socket.ReceiveAsync(buffer, cancellationToken);
                sockets.Add(socket);
            }
            results.Add("gateway.idle_connections", "", sockets.Count);
            results.Add("gateway.idle_bytes_per_connection", "B", (gateway.ResidentBytes() - before) / (double)sockets.Count);
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    private static async Task<(Load Load, double CpuMicroseconds)> MeasureAsync(PinnedProcess process, int connections, TimeSpan duration, int port, string? header, CancellationToken cancellationToken)
    {
        var before = process.CpuSeconds();
        var load = await Load.RunAsync(OtherCores, connections, duration, port, header, cancellationToken);
        if (!load.Clean) throw new InvalidOperationException($"The run against port {port} had errors; its figures mean nothing.");
        return (load, (process.CpuSeconds() - before) * 1e6 / load.Requests);
    }

    private static async Task<PinnedProcess> GatewayAsync(string folder, string name, int port, string config, CancellationToken cancellationToken)
    {
        var file = await WriteAsync(folder, name + ".yaml", config, cancellationToken);
        var self = Environment.ProcessPath!;
        string[] arguments = Path.GetFileNameWithoutExtension(self) == "dotnet"
            ? [typeof(GatewaySuite).Assembly.Location, "gateway-serve", file]
            : ["gateway-serve", file];
        return await PinnedProcess.StartAsync(ProxyCores, self, arguments, port, cancellationToken);
    }

    private static async Task<string> WriteAsync(string folder, string name, string text, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, name);
        await File.WriteAllTextAsync(path, text, cancellationToken);
        return path;
    }

    /// <summary>A port that was free a moment ago, below those that the system hands out to clients.</summary>
    private static int FreePort()
    {
        for (var tries = 0; tries < 200; tries++)
        {
            var port = 12_000 + Kernel.Entropy.System.Next(18_000);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // taken; another one
            }
        }
        throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"No free port between {12_000} and {30_000}."));
    }
}
