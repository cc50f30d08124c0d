using System.Net;
using System.Net.Sockets;
using Shouldly;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

public sealed class LeanFaultTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task A_stale_connection_is_replaced_without_the_client_noticing()
    {
        await using var upstream = new ScriptedUpstream(async (wire, number) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync(Ok);
            if (number == 1)
            {
                await wire.ReadHeadAsync(); // takes the second request, and closes without an answer
                return;
            }
            while (await wire.ReadHeadAsync() is not null) await wire.WriteAsync(Ok);
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 3; i++)
        {
            await client.WriteAsync(Get);
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        gateway.Counters.StaleRetries.ShouldBe(1);
    }

    [Fact]
    public async Task A_post_on_a_stale_connection_is_not_sent_twice()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync(Ok);
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        await client.ReadResponseAsync();
        await client.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 502 ");
        upstream.Accepted.ShouldBe(1);
    }

    [Fact]
    public async Task A_refused_connection_goes_to_the_next_endpoint_and_502_when_there_is_none()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        var closed = ClosedPort();
        await using (var gateway = new LeanGateway([closed, upstream.EndPoint]))
        {
            using var client = await gateway.ConnectAsync();
            for (var i = 0; i < 4; i++)
            {
                await client.WriteAsync(Get);
                (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 200 ");
            }
        }
        await using (var gateway = new LeanGateway([closed]))
        {
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync(Get);
            (await client.ReadResponseAsync()).Body.ShouldContain("gateway.upstream_unreachable");
            await client.WriteAsync(Get);
            (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 502 ");
        }
    }

    [Fact]
    public async Task An_upstream_that_hangs_is_504_and_its_connection_is_not_used_again()
    {
        await using var upstream = new ScriptedUpstream(async (wire, number) =>
        {
            await wire.ReadHeadAsync();
            if (number == 1) await wire.ReadToEndAsync();
            await wire.WriteAsync(Ok);
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with { Timeout = TimeSpan.FromMilliseconds(100) });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 504 ");
        await client.WriteAsync(Get);
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal")]
    public async Task A_response_cut_in_its_body_cuts_the_client(string begun)
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync(begun);
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        (await client.ReadToEndAsync()).ShouldContain("hal");
        gateway.Counters.UpstreamFaults.ShouldBe(1);
    }

    [Fact]
    public async Task Bytes_behind_a_response_are_never_taken_for_the_next_one()
    {
        await using var upstream = new ScriptedUpstream(async (wire, number) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync(number == 1 ? Ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison" : Ok);
            await wire.ReadToEndAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 2; i++)
        {
            await client.WriteAsync(Get);
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        upstream.Accepted.ShouldBe(2);
    }

    [Fact]
    public async Task A_client_that_leaves_frees_its_upstream_at_once()
    {
        var freed = new TaskCompletionSource();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.ReadToEndAsync();
            freed.SetResult();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using (var client = await gateway.ConnectAsync())
        {
            await client.WriteAsync(Get);
            await gateway.UntilAsync(c => c.InFlight == 1, "the request is in flight");
        }
        await freed.Task.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        await gateway.UntilAsync(c => c is { InFlight: 0, UpstreamsOpen: 0 }, "the exchange is given up");
        gateway.Counters.RequestsAborted.ShouldBe(1);
    }

    [Fact]
    public async Task An_early_answer_to_an_unfinished_upload_reaches_the_client_and_ends_both_connections()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
            await wire.ReadToEndAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nxxx");
        var reply = await client.ReadToEndAsync();
        reply.ShouldStartWith("HTTP/1.1 403 ");
        reply.ShouldContain("Connection: close\r\n");
    }

    [Fact]
    public async Task Slow_heads_and_slow_bodies_are_408()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) => await wire.ReadToEndAsync());
        await using var gateway = new LeanGateway([upstream.EndPoint],
            options => options with { HeadTimeout = TimeSpan.FromMilliseconds(50), ProgressWindow = TimeSpan.FromMilliseconds(50) });
        using var head = await gateway.ConnectAsync();
        await head.WriteAsync("GET / HTTP/1.1\r\nHost:");
        (await head.ReadToEndAsync()).ShouldContain("gateway.head_timeout");
        using var body = await gateway.ConnectAsync();
        await body.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx");
        (await body.ReadToEndAsync()).ShouldContain("gateway.body_timeout");
        using var silent = await gateway.ConnectAsync();
        (await silent.ReadToEndAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_reader_that_does_not_read_is_closed_and_little_was_read_for_it()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            var block = new byte[1 << 20];
            for (var i = 0; i < 95; i++) await wire.WriteAsync(block);
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], options => options with { ProgressWindow = TimeSpan.FromMilliseconds(100) });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        await gateway.UntilAsync(c => c.TimedOut == 1 && c.ClientsOpen == 0, "the slow reader is closed");
        var taken = 0L;
        foreach (var counters in gateway.Front.Metrics[0].Routes) taken += counters?.BytesOut ?? 0;
        taken.ShouldBeInRange(1, 1 << 20, "the kernel would take megabytes, of the memory that all connections share");
    }

    [Fact]
    public async Task Large_bodies_pass_both_ways_through_few_buffers()
    {
        const int Bytes = 64 << 20;
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Bytes}\r\n\r\n");
            for (var left = Bytes; left > 0;)
            {
                var block = await wire.ReadAsync(Math.Min(left, 64 * 1024));
                await wire.WriteAsync(block);
                left -= block.Length;
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with { BodyBytesMax = Bytes });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Bytes}\r\n\r\n");
        var sending = Task.Run(
            async () =>
            {
                var block = Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 31)).ToArray();
                for (var i = 0; i < Bytes >> 20; i++) await client.WriteAsync(block);
            },
            TestContext.Current.CancellationToken);
        await client.ReadHeadAsync();
        for (var i = 0; i < Bytes >> 20; i++)
        {
            var block = await client.ReadAsync(1 << 20);
            for (var at = 0; at < block.Length; at += 4093) block[at].ShouldBe((char)(byte)(at * 31));
            gateway.Front.BuffersRented.ShouldBeLessThanOrEqualTo(4);
        }
        await sending;
    }

    [Fact]
    public async Task Draining_answers_what_is_under_way_and_says_close()
    {
        var go = new TaskCompletionSource();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await go.Task;
            await wire.WriteAsync(Ok);
        });
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        await gateway.UntilAsync(c => c.InFlight == 1, "the request is in flight");
        var drained = gateway.Front.DrainAsync();
        await Should.ThrowAsync<SocketException>(async () =>
        {
            // The listening socket closes on the loop's thread: until then a connection is still taken, and answered.
            while (true)
            {
                using var late = await gateway.ConnectAsync();
            }
        });
        go.SetResult();
        var (head, body) = await client.ReadResponseAsync();
        body.ShouldBe("ok");
        head.ShouldContain("Connection: close\r\n");
        (await client.ReadToEndAsync()).ShouldBeEmpty();
        await drained.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_request_in_steady_state_allocates_nothing()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        await using var gateway = new LeanGateway([upstream.EndPoint]);
        using var client = await gateway.ConnectAsync();
        long allocated = -1;
        for (var round = 0; round < 5 && allocated != 0; round++)
        {
            var before = await gateway.Front.AllocatedBytesAsync();
            var overhead = await gateway.Front.AllocatedBytesAsync() - before;
            for (var i = 0; i < 1000; i++)
            {
                await client.WriteAsync("POST /x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nabc");
                await client.ReadResponseAsync();
            }
            allocated = await gateway.Front.AllocatedBytesAsync() - before - (2 * overhead);
        }
        allocated.ShouldBeLessThanOrEqualTo(0);
    }

    private static IPEndPoint ClosedPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
