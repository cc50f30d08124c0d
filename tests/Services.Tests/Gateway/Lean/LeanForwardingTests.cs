using Shouldly;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

public sealed class LeanForwardingTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task A_request_is_rebuilt_and_its_response_comes_back()
    {
        var seen = new TaskCompletionSource<string>();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            seen.SetResult((await wire.ReadHeadAsync())!);
            await wire.WriteAsync("HTTP/1.1 203 Fine\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\nok");
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync("GET /a%20b?c=d HTTP/1.1\r\nHost: Shop.example\r\nConnection: X-Secret, keep-alive\r\nX-Secret: 1\r\nX-Forwarded-For: 6.6.6.6\r\nTE: trailers\r\nAccept:  */* \r\n\r\n");
        var (head, body) = await client.ReadResponseAsync();

        body.ShouldBe("ok");
        head.ShouldStartWith("HTTP/1.1 203 Fine\r\n");
        head.ShouldContain("X-Kept: 2\r\n");
        head.ShouldNotContain("X-Hop");
        var forwarded = await seen.Task;
        forwarded.ShouldStartWith("GET /a%20b?c=d HTTP/1.1\r\nHost: Shop.example\r\n");
        forwarded.ShouldContain("Accept: */*\r\n");
        forwarded.ShouldContain("X-Forwarded-For: 127.0.0.1\r\n");
        forwarded.ShouldNotContain("X-Secret");
        forwarded.ShouldNotContain("6.6.6.6");
        forwarded.ShouldNotContain("TE:");
        Wire.Header(forwarded, "Traceparent")!.ShouldContain(Wire.Header(head, "X-Request-Id")!);
    }

    [Fact]
    public async Task Every_refused_request_of_the_list_is_answered_and_never_reaches_the_upstream()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        var wrong = new List<string>();
        foreach (var item in HostileCases.Requests().Where(c => c.Verdict.StartsWith("refuse", StringComparison.Ordinal)))
        {
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync(item.Bytes);
            var reply = await client.ReadToEndAsync();
            var code = item.Verdict["refuse ".Length..];
            if (!reply.Contains("\"code\":\"gateway." + code + "\"", StringComparison.Ordinal)) wrong.Add($"{item.Name}: {reply.Split('\r')[0]}");
        }
        wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_refused_response_of_the_list_becomes_502_or_a_cut_connection()
    {
        var cases = HostileCases.Responses().Where(c => c.Verdict.StartsWith("refuse", StringComparison.Ordinal)).ToArray();
        var next = -1;
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync(cases[next].Bytes);
            await wire.ReadToEndAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], cluster: LeanGateway.NeverOpen);
        var wrong = new List<string>();
        foreach (var item in cases)
        {
            next++;
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            var reply = await client.ReadToEndAsync();
            var refused = reply.StartsWith("HTTP/1.1 502 ", StringComparison.Ordinal) && reply.Contains("gateway.upstream_" + item.Verdict["refuse ".Length..], StringComparison.Ordinal);
            var cut = reply.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) && reply.Contains("chunked", StringComparison.Ordinal) && !reply.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
            if (!refused && !cut) wrong.Add($"{item.Name}: {reply.Split('\r')[0]}");
        }
        wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task Chunks_and_trailers_pass_both_ways()
    {
        var body = new TaskCompletionSource<string>();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            (await wire.ReadHeadAsync())!.ShouldContain("Transfer-Encoding: chunked\r\n");
            body.SetResult(await wire.ReadUntilAsync("X-Sum: 9\r\n\r\n"));
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n");
            await wire.WriteAsync("1\r\nd\r\n0\r\nX-Sum: 8\r\n\r\n");
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
        await client.WriteAsync("lo\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 9\r\n\r\n");
        var head = await client.ReadHeadAsync();

        head!.ShouldContain("Transfer-Encoding: chunked\r\n");
        (await client.ReadUntilAsync("\r\n\r\n")).ShouldEndWith("0\r\nX-Sum: 8\r\n\r\n");
        (await body.Task).Replace("3\r\nhel\r\n2\r\nlo\r\n", "5\r\nhello\r\n", StringComparison.Ordinal).ShouldBe("5\r\nhello\r\na\r\n0123456789\r\n0\r\nX-Sum: 9\r\n\r\n");
    }

    [Fact]
    public async Task A_body_without_an_end_leaves_the_others_their_turn()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                if (!head.StartsWith("GET /endless ", StringComparison.Ordinal))
                {
                    await wire.WriteAsync(Ok);
                    continue;
                }
                await wire.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {long.MaxValue / 2}\r\n\r\n");
                var block = new byte[256 * 1024];
                while (true) await wire.WriteAsync(block);
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var greedy = await gateway.ConnectAsync();
        await greedy.WriteAsync("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var reading = Task.Run(ReadAsync, enough.Token);

        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 200; i++)
        {
            await client.WriteAsync("GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        await enough.CancelAsync();
        await reading;

        async Task ReadAsync()
        {
            var buffer = new byte[256 * 1024];
            try
            {
                while (await greedy.Socket.ReceiveAsync(buffer, enough.Token) > 0) continue;
            }
            catch (OperationCanceledException)
            {
                // enough
            }
        }
    }

    [Fact]
    public async Task A_thousand_pipelined_requests_are_answered_in_order()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                var path = head.Split(' ')[1];
                await wire.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {path.Length}\r\n\r\n{path}");
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync(string.Concat(Enumerable.Range(0, 1000).Select(i => $"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")));
        for (var i = 0; i < 1000; i++) (await client.ReadResponseAsync()).Body.ShouldBe($"/{i}");

        upstream.Accepted.ShouldBe(1);
    }

    [Fact]
    public async Task A_body_that_ends_with_the_connection_becomes_chunked_and_the_client_stays()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\n\r\nhello");
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 2; i++)
        {
            await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("5\r\nhello\r\n0\r\n\r\n");
        }
    }

    [Fact]
    public async Task An_old_client_gets_no_chunks_and_is_closed()
    {
        await using var upstream = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n");
        var reply = await client.ReadToEndAsync();
        reply.ShouldEndWith("\r\n\r\nhello");
        reply.ShouldNotContain("chunked");
        reply.ShouldContain("Connection: close\r\n");
    }

    [Fact]
    public async Task Head_and_304_have_no_body_whatever_they_announce()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
                await wire.WriteAsync(head.StartsWith("HEAD", StringComparison.Ordinal) ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" : "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"a\"\r\n\r\n");
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        foreach (var method in (string[])["HEAD", "GET", "HEAD"])
        {
            await client.WriteAsync($"{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadHeadAsync())!.ShouldContain("Content-Length: 99\r\n");
        }
        upstream.Accepted.ShouldBe(1);
    }

    [Fact]
    public async Task Expect_is_answered_by_the_upstream_not_by_us()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            var head = (await wire.ReadHeadAsync())!;
            head.ShouldContain("Expect: 100-continue\r\n");
            await wire.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n");
            await wire.ReadBodyAsync(head);
            await wire.WriteAsync(Ok);
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        (await client.ReadHeadAsync())!.ShouldStartWith("HTTP/1.1 100 ");
        await client.WriteAsync("abc");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
    }

    [Fact]
    public async Task A_body_over_the_limit_is_413_by_length_and_by_chunks()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with { BodyBytesMax = 10 });
        foreach (var (framing, status) in new[] { ("Content-Length: 10\r\n\r\n0123456789", 200), ("Content-Length: 11\r\n\r\n", 413),
            ("Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", 200), ("Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", 413) })
        {
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\n" + framing);
            (await client.ReadHeadAsync())!.ShouldStartWith($"HTTP/1.1 {status} ", customMessage: framing);
        }
    }

    [Fact]
    public async Task A_websocket_becomes_a_tunnel_that_ends_with_either_side()
    {
        await using var upstream = new ScriptedUpstream(async (wire, number) =>
        {
            (await wire.ReadHeadAsync())!.ShouldContain("Connection: Upgrade\r\nUpgrade: websocket\r\n");
            await wire.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello");
            await wire.WriteAsync("echo " + await wire.ReadAsync(8));
            if (number == 1) await wire.ReadToEndAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        for (var i = 0; i < 2; i++)
        {
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\nearl");
            (await client.ReadHeadAsync())!.ShouldContain("Sec-WebSocket-Accept: x\r\n");
            await client.WriteAsync("late");
            (await client.ReadAsync(18)).ShouldBe("helloecho earllate");
            if (i == 0) client.Socket.Close();
            else (await client.ReadToEndAsync()).ShouldBeEmpty();
            await gateway.UntilAsync(c => c.InFlight == 0, "the tunnel ends");
        }
    }

    [Fact]
    public async Task Events_are_passed_on_as_they_come()
    {
        var more = new TaskCompletionSource();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: a\n\r\n");
            await more.Task;
            await wire.WriteAsync("8\r\ndata: b\n\r\n");
            await wire.ReadToEndAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReadUntilAsync("data: a\n");
        more.SetResult();
        await client.ReadUntilAsync("data: b\n");
    }
}
