using System.Collections.Concurrent;
using System.Net.Sockets;
using Shouldly;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>
/// The lists through a chain: another proxy in front, the gateway behind it. Where the two read a message differently, one of them sees two where the other
/// sees one, and somebody gets what belongs to another.
/// </summary>
public sealed class ChainTests
{
    private const string Mark = "x-seen: 1\r\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    public async Task No_request_that_another_proxy_takes_for_one_becomes_two_here(string front)
    {
        var (seen, unseenByFront) = (0, new ConcurrentQueue<string>());
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                Interlocked.Increment(ref seen);
                if (Wire.Header(head, PeerProxy.Mark) != "1") unseenByFront.Enqueue(head);
                await ReadBodyAsync(wire, head);
                await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], cluster: LeanGateway.NeverOpen);
        await using var proxy = await PeerProxy.StartAsync(front, gateway.Front.EndPoint);
        var wrong = new List<string>();
        foreach (var item in HostileCases.Requests().Where(c => c.Verdict != "wait"))
        {
            using var client = await proxy.ConnectAsync();
            await SendAsync(client, item.Bytes);
            if (client.Socket.Connected) client.Socket.Shutdown(SocketShutdown.Send);
            await client.ReadToEndAsync();
            await gateway.UntilAsync(c => c.InFlight == 0, "the chain is quiet again");
            while (unseenByFront.TryDequeue(out var head)) wrong.Add($"{item.Name}: {head.Split('\r')[0]}");
        }
        wrong.ShouldBeEmpty();
        seen.ShouldBeGreaterThan(40, "honest requests pass through the chain");
    }

    [Theory]
    [InlineData("")]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    public async Task No_response_of_the_list_becomes_the_answer_to_another_request(string front)
    {
        // nginx 1.22 takes an interim response for the final one and waits for its end.
        var cases = HostileCases.Responses().Where(c => c.Verdict != "wait" && !(front == "nginx" && c.Name is ("100 Continue" or "103 Early Hints"))).ToArray();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                var path = head.Split(' ')[1][1..];
                if (path == "honest")
                {
                    await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest");
                    continue;
                }
                var item = cases[int.Parse(path)];
                await wire.WriteAsync(item.Bytes);
                if (item.Verdict is not ("accept length" or "accept chunked" or "accept none")) return;
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], cluster: LeanGateway.NeverOpen);
        await using var proxy = front.Length > 0 ? await PeerProxy.StartAsync(front, gateway.Front.EndPoint) : null;
        using var handler = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 1,
            ConnectCallback = async (_, _) => new NetworkStream((proxy is null ? await gateway.ConnectAsync() : await proxy.ConnectAsync()).Socket, ownsSocket: true),
        };
        using var client = new HttpClient(handler) { BaseAddress = new Uri("http://chain.test"), Timeout = TimeSpan.FromSeconds(10) };
        var wrong = new List<string>();
        for (var i = 0; i < cases.Length; i++)
        {
            try
            {
                using var reply = await client.GetAsync(new Uri($"/{i}", UriKind.Relative), Token);
                if (cases[i].Verdict.StartsWith("refuse", StringComparison.Ordinal) && (int)reply.StatusCode < 400) wrong.Add($"{cases[i].Name}: refused, but {reply.StatusCode} came back");
            }
            catch (HttpRequestException)
            {
                // cut where the answer went wrong
            }
            catch (TaskCanceledException) when (!Token.IsCancellationRequested)
            {
                wrong.Add($"{cases[i].Name}: no answer");
            }
            var honest = await client.GetStringAsync(new Uri("/honest", UriKind.Relative), Token);
            if (honest != "honest") wrong.Add($"{cases[i].Name}: the next request was answered {honest}");
        }
        wrong.ShouldBeEmpty();
    }

    /// <summary>Chunk by chunk: the list has bodies that hold what looks like their end.</summary>
    private static async Task ReadBodyAsync(Wire wire, string head)
    {
        if (Wire.Header(head, "Transfer-Encoding") is null)
        {
            await wire.ReadBodyAsync(head);
            return;
        }
        int size;
        while ((size = Convert.ToInt32((await wire.ReadUntilAsync("\r\n")).Split(';', '\r')[0], 16)) > 0) await wire.ReadAsync(size + 2);
        while (await wire.ReadUntilAsync("\r\n") != "\r\n") continue;
    }

    /// <summary>A proxy may have answered and closed before all of it is sent.</summary>
    private static async Task SendAsync(Wire client, byte[] bytes)
    {
        try
        {
            await client.WriteAsync(bytes);
        }
        catch (SocketException)
        {
            // what it said is still to be read
        }
    }
}
