using System.Diagnostics;
using System.Globalization;

namespace SkyRiff.Testing.Redis;

/// <summary>Three primaries with one replica each, private, on 127.0.0.1; fails over about a second after a primary is killed.</summary>
public sealed class RedisClusterProcess : IAsyncDisposable
{
    private static readonly TimeSpan FormLimit = TimeSpan.FromSeconds(30);

    private readonly List<RedisServerProcess> _servers;

    private RedisClusterProcess(List<RedisServerProcess> servers) => _servers = servers;

    public IReadOnlyList<RedisServerProcess> Servers => _servers;

    public static async Task<RedisClusterProcess> StartAsync()
    {
        string[] settings =
        [
            "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0",
            "--cluster-require-full-coverage", "no",
        ];
        var servers = new List<RedisServerProcess>();
        var cluster = new RedisClusterProcess(servers);
        try
        {
            servers.AddRange(await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => RedisServerProcess.StartAsync(settings))));
            await RunCliAsync(["--cluster", "create", .. servers.Select(server => $"127.0.0.1:{server.Port}"), "--cluster-replicas", "1", "--cluster-yes"]);
            var started = Stopwatch.GetTimestamp();
            using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
            while (!await IsWholeAsync(servers))
            {
                if (Stopwatch.GetElapsedTime(started) > FormLimit)
                    throw new InvalidOperationException("The cluster did not become whole.");
                await poll.WaitForNextTickAsync(CancellationToken.None);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The server that listens on this port.</summary>
    public RedisServerProcess ServerAt(int port) => _servers.Single(server => server.Port == port);

    /// <summary>Asks one server by redis-cli.</summary>
    public static Task<string> AskAsync(int port, params string[] command) => RunCliAsync(["-p", port.ToString(CultureInfo.InvariantCulture), .. command]);

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
    }

    private static async Task<bool> IsWholeAsync(List<RedisServerProcess> servers)
    {
        foreach (var server in servers)
        {
            var cluster = await AskAsync(server.Port, "CLUSTER", "INFO");
            if (!cluster.Contains("cluster_state:ok", StringComparison.Ordinal) || !cluster.Contains("cluster_known_nodes:6", StringComparison.Ordinal))
                return false;
            var replication = await AskAsync(server.Port, "INFO", "replication");
            if (replication.Contains("role:slave", StringComparison.Ordinal) && !replication.Contains("master_link_status:up", StringComparison.Ordinal))
                return false;
            var map = await AskAsync(server.Port, "CLUSTER", "SLOTS");
            if (servers.Any(other => !map.Contains(other.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)))
                return false;
        }

        return true;
    }

    private static async Task<string> RunCliAsync(string[] arguments)
    {
        var start = new ProcessStartInfo("redis-cli", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"redis-cli failed: {output}");
    }
}
