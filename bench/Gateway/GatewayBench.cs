using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace SkyRiff.Bench.Gateway;

/// <summary>What all parts of the suite share: the upstream, the cores, the length of runs, the folder of configurations.</summary>
internal sealed class GatewayBench : IAsyncDisposable
{
    private readonly string _folder;
    private PinnedProcess? _upstream;

    private GatewayBench(Results results, bool quick, string folder)
    {
        (Results, Quick, _folder) = (results, quick, folder);
        UpstreamPort = FreePort();
        var (jwks, token) = PeerConfigs.Credentials(TimeProvider.System.GetUtcNow());
        Authorization = "Authorization: Bearer " + token;
        JwksFile = Path.Combine(folder, "jwks.json");
        File.WriteAllText(JwksFile, jwks);
    }

    /// <summary>Cores of each proxy, and as many loops, workers, threads.</summary>
    public static int ProxyCoreCount { get; } = Environment.ProcessorCount >= 4 ? 2 : 1;

    public static string ProxyCores { get; } = Environment.ProcessorCount >= 4 ? "0,1" : "0";

    /// <summary>Where clients and upstream run; with one core only there is no other.</summary>
    public static string OtherCores { get; } = Environment.ProcessorCount switch { >= 4 => "2,3", >= 2 => "1", _ => "0" };

    public Results Results { get; }

    public bool Quick { get; }

    public int Repetitions => Quick ? 2 : 5;

    public int UpstreamPort { get; }

    /// <summary>A header with a token that <see cref="JwksFile"/> vouches for.</summary>
    public string Authorization { get; }

    public string JwksFile { get; }

    public string Folder => _folder;

    public static async Task<GatewayBench> StartAsync(Results results, bool quick, CancellationToken cancellationToken)
    {
        var bench = new GatewayBench(results, quick, Directory.CreateTempSubdirectory("gateway-bench-").FullName);
        bench._upstream = await bench.NginxAsync(OtherCores, PeerConfigs.NginxUpstream(bench.UpstreamPort), "upstream", bench.UpstreamPort, cancellationToken);
        return bench;
    }

    public TimeSpan Seconds(int quickly, int fully) => TimeSpan.FromSeconds(Quick ? quickly : fully);

    public async Task<PinnedProcess> GatewayAsync(string name, string config, int port, CancellationToken cancellationToken)
    {
        var file = await WriteAsync(name + ".yaml", config, cancellationToken);
        var self = Environment.ProcessPath!;
        string[] arguments = Path.GetFileNameWithoutExtension(self) == "dotnet" ? [typeof(GatewaySuite).Assembly.Location, "gateway-serve", file] : ["gateway-serve", file];
        return await PinnedProcess.StartAsync(ProxyCores, self, arguments, port, cancellationToken);
    }

    public Task<PinnedProcess> NginxAsync(string server, string name, int port, CancellationToken cancellationToken) => NginxAsync(ProxyCores, server, name, port, cancellationToken);

    public async Task<PinnedProcess> HaproxyAsync(string config, string name, int port, CancellationToken cancellationToken) =>
        await PinnedProcess.StartAsync(ProxyCores, "/usr/sbin/haproxy", ["-db", "-f", await WriteAsync(name + ".cfg", config, cancellationToken)], port, cancellationToken);

    public async Task<string> WriteAsync(string name, string text, CancellationToken cancellationToken)
    {
        var path = Path.Combine(_folder, name);
        await File.WriteAllTextAsync(path, text, cancellationToken);
        return path;
    }

    /// <summary>One run of wrk against one proxy, and what it cost that proxy per request.</summary>
    public static Task<(Load Load, double CpuMicroseconds)> MeasureAsync(PinnedProcess process, int connections, TimeSpan duration, int port, IEnumerable<string> headers, CancellationToken cancellationToken) =>
        MeasureAsync(process, connections, duration, port, "/x", headers, cancellationToken);

    public static async Task<(Load Load, double CpuMicroseconds)> MeasureAsync(PinnedProcess process, int connections, TimeSpan duration, int port, string path, IEnumerable<string> headers, CancellationToken cancellationToken)
    {
        var before = process.CpuSeconds();
        var load = await Load.WrkAsync(OtherCores, connections, duration, port, path, headers, cancellationToken);
        if (!load.Clean) throw new InvalidOperationException($"The run against port {port} had errors; its figures mean nothing.");
        return (load, (process.CpuSeconds() - before) * 1e6 / load.Requests);
    }

    /// <summary>A port that was free a moment ago, below those that the system hands out to clients.</summary>
    public static int FreePort()
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

    public async ValueTask DisposeAsync()
    {
        if (_upstream is not null) await _upstream.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<PinnedProcess> NginxAsync(string cores, string server, string name, int port, CancellationToken cancellationToken) => await PinnedProcess.StartAsync(
        cores, "/usr/sbin/nginx", ["-p", _folder, "-c", await WriteAsync(name + ".conf", PeerConfigs.Nginx(_folder, name, ProxyCoreCount, server), cancellationToken)], port, cancellationToken);
}
