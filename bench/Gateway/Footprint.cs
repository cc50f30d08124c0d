using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace SkyRiff.Bench.Gateway;

/// <summary>What a request allocates in steady state, and what an idle connection holds.</summary>
internal static class Footprint
{
    private const int IdleConnections = 15_000;
    private const int IdlePerAddress = 3_000;

    public static async Task RunAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        var (port, admin) = (GatewayBench.FreePort(), GatewayBench.FreePort());
        var config = PeerConfigs.Gateway(port, bench.UpstreamPort, PeerConfigs.Jwt(bench.JwksFile) + PeerConfigs.Limits + $"admin: \"127.0.0.1:{admin}\"\n", route: ", auth: required");
        await using var gateway = await bench.GatewayAsync("footprint", config, port, cancellationToken);
        await AllocationsAsync(bench, port, admin, cancellationToken);
        await IdleAsync(bench, gateway, port, cancellationToken);
    }

    /// <summary>What the loops' own threads allocated, by the counts that they publish, over the requests meanwhile.</summary>
    private static async Task AllocationsAsync(GatewayBench bench, int port, int admin, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{admin}") };
        await Load.WrkAsync(GatewayBench.OtherCores, 64, bench.Seconds(2, 5), port, "/x", [bench.Authorization], cancellationToken); // pools have their size
        for (var i = 0; i < bench.Repetitions; i++)
        {
            var (bytesBefore, requestsBefore) = await CountersAsync(client, cancellationToken);
            await Load.WrkAsync(GatewayBench.OtherCores, 64, bench.Seconds(2, 3), port, "/x", [bench.Authorization], cancellationToken);
            var (bytes, requests) = await CountersAsync(client, cancellationToken);
            bench.Results.Add("gateway.bytes_per_request", "B", (bytes - bytesBefore) / (double)(requests - requestsBefore));
        }
    }

    private static async Task<(long Bytes, long Requests)> CountersAsync(HttpClient client, CancellationToken cancellationToken)
    {
        await Task.Delay(TimeSpan.FromSeconds(2.5), cancellationToken); // loops publish once a second
        using var status = JsonDocument.Parse(await client.GetStringAsync(new Uri("/status", UriKind.Relative), cancellationToken));
        var lean = status.RootElement.GetProperty("fronts").GetProperty("lean")[0];
        return (lean.GetProperty("allocatedBytes").GetInt64(), lean.GetProperty("requests").GetInt64());
    }

    /// <summary>Resident memory that keep-alive connections add, each after one request.</summary>
    private static async Task IdleAsync(GatewayBench bench, PinnedProcess gateway, int port, CancellationToken cancellationToken)
    {
        var before = gateway.ResidentBytes();
        var request = System.Text.Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: a\r\n{bench.Authorization}\r\n\r\n");
        var sockets = new List<Socket>(IdleConnections);
        try
        {
            var buffer = new byte[4096];
            for (var i = 0; i < IdleConnections; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                sockets.Add(socket);
                socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(1 + (i / IdlePerAddress))]), 0));
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
                await socket.SendAsync(request, cancellationToken);
                await socket.ReceiveAsync(buffer, cancellationToken);
            }
            bench.Results.Add("gateway.idle_connections", "", sockets.Count);
            bench.Results.Add("gateway.idle_bytes_per_connection", "B", (gateway.ResidentBytes() - before) / (double)sockets.Count);
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }
}
