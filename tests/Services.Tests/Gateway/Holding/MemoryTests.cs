using System.Net;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using SkyRiff.Bench;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

[Collection(HoldingCollection.Name)]
public sealed class MemoryTests
{
    private const int IdlePerAddress = 3000;
    private const long IdleBytesMax = 4096;

    /// <summary>What a process's memory moves by itself, whatever it serves.</summary>
    private const long Noise = 32 << 20;

    private static readonly long BodyBytes = Campaign.Length(64L << 20, 1L << 30);
    private static readonly int Idle = Campaign.Length(1000, 15_000);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_body_of_any_size_passes_through_little_memory(string front)
    {
        var received = 0L;
        var block = new byte[64 * 1024];
        await using var upstream = new LoadUpstream(async call =>
        {
            Interlocked.Add(ref received, call.BodyBytes);
            if (call.Path != "/down")
            {
                await call.SendAsync(LoadUpstream.Ok);
                return true;
            }
            await call.SendAsync(Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {BodyBytes}\r\n\r\n"));
            for (var sent = 0L; sent < BodyBytes; sent += block.Length) await call.SendAsync(block);
            return true;
        });
        await using var gateway = await GatewayProcess.StartAsync("front: " + front, $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"] }
            routes:
              - {name: all, to: behind, body_max: 2GB, timeout: 60s}
            """);
        await new HonestLoad(gateway.Port, 10, 500).RunAsync(TimeSpan.FromSeconds(1), Token);
        var before = gateway.ResidentBytes;

        var (up, upMax) = await WatchAsync(gateway, async () =>
        {
            using var socket = await ConnectAsync(gateway.Port, 0);
            await SendAsync(socket, Encoding.Latin1.GetBytes($"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {BodyBytes}\r\n\r\n"));
            for (var sent = 0L; sent < BodyBytes; sent += block.Length) await SendAsync(socket, block);
            var reply = new byte[4096];
            return Encoding.Latin1.GetString(reply, 0, await socket.ReceiveAsync(reply, Token));
        });
        var (down, downMax) = await WatchAsync(gateway, async () =>
        {
            using var socket = await ConnectAsync(gateway.Port, 0);
            await SendAsync(socket, "GET /down HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"u8.ToArray());
            var (got, buffer) = (0L, new byte[256 * 1024]);
            for (int more; (more = await socket.ReceiveAsync(buffer, Token)) > 0;) got += more;
            return got;
        });

        var results = new Results($"gateway-large-body-{front}");
        results.Add("bytes each way", "B", BodyBytes);
        results.Add("memory before", "MB", before / 1e6);
        results.Add("memory added by an upload, at most", "MB", Math.Max(0, upMax - before) / 1e6);
        results.Add("memory added by a download, at most", "MB", Math.Max(0, downMax - before) / 1e6);
        await Campaign.ReportAsync(results, Token);
        up.ShouldStartWith("HTTP/1.1 200 ");
        received.ShouldBe(BodyBytes);
        down.ShouldBeInRange(BodyBytes, BodyBytes + 1000);
        (upMax - before).ShouldBeLessThan(Noise);
        (downMax - before).ShouldBeLessThan(Noise);
        await gateway.UntilQuietAsync();
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task Idle_connections_cost_little_and_are_served_again(string front)
    {
        await using var upstream = LoadUpstream.Answering(LoadUpstream.Ok);
        await using var gateway = await GatewayProcess.StartAsync($"front: {front}, idle_timeout: 10m, connections_max: 60000", $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"] }
            routes:
              - {name: all, to: behind}
            """);
        await new HonestLoad(gateway.Port, 20, 2000).RunAsync(TimeSpan.FromSeconds(2), Token);
        var before = gateway.ResidentBytes;
        var sockets = new List<Socket>(Idle);
        try
        {
            var request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray();
            var buffer = new byte[4096];
            for (var i = 0; i < Idle; i++)
            {
                sockets.Add(await ConnectAsync(gateway.Port, i / IdlePerAddress));
                await AskAsync(sockets[^1]);
            }
            var perConnection = Math.Max(0, gateway.ResidentBytes - before) / (double)Idle;
            var held = gateway.Sockets;
            for (var i = 0; i < Idle; i += 10) await AskAsync(sockets[i]);

            var results = new Results($"gateway-idle-{front}");
            results.Add("idle connections", "", held);
            results.Add("memory per idle connection", "B", perConnection);
            await Campaign.ReportAsync(results, Token);
            held.ShouldBeGreaterThanOrEqualTo(Idle);
            if (front == "lean") (perConnection * Idle).ShouldBeLessThan((IdleBytesMax * Idle) + (Campaign.IsLong ? 0 : Noise));

            async Task AskAsync(Socket socket)
            {
                await SendAsync(socket, request);
                Encoding.Latin1.GetString(buffer, 0, await socket.ReceiveAsync(buffer, Token)).ShouldStartWith("HTTP/1.1 200 ");
            }
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
        await gateway.UntilQuietAsync();
    }

    private static async Task<(T Result, long BytesMax)> WatchAsync<T>(GatewayProcess gateway, Func<Task<T>> work)
    {
        var working = work();
        var most = gateway.ResidentBytes;
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!working.IsCompleted)
        {
            await beat.WaitForNextTickAsync(Token);
            most = Math.Max(most, gateway.ResidentBytes);
        }
        return (await working, most);
    }

    private static async Task<Socket> ConnectAsync(int port, int address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(new IPAddress([127, 0, 4, (byte)(1 + address)]), 0));
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), Token);
        return socket;
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await socket.SendAsync(bytes, Token)..];
    }
}
