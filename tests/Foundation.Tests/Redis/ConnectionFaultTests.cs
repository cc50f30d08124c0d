using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>What a client does when the server, the network or the caller misbehaves; the server says exactly what each test needs.</summary>
public sealed class ConnectionFaultTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replies_reach_their_callers_in_the_order_of_the_stream()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var answers = Enumerable.Range(0, 50).Select(i => redis.IncrementAsync($"k{i}", 1, Cancellation).AsTask()).ToArray();
        using var peer = await server.NextAsync(Cancellation);
        var replies = new StringBuilder();
        for (var i = 0; i < 50; i++)
        {
            (await peer.CommandAsync(Cancellation)).ShouldBe($"INCRBY k{i} 1");
            replies.Append($":{i * 3}\r\n");
        }

        await peer.SendAsync(replies.ToString(), Cancellation);
        (await Task.WhenAll(answers)).ShouldBe(Enumerable.Range(0, 50).Select(i => i * 3L));
    }

    [Fact]
    public async Task Replies_that_arrive_byte_by_byte_are_the_same_replies()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var value = redis.GetAsync("a", Cancellation).AsTask();
        var list = redis.CallAsync(["LRANGE", "b", 0, -1], Cancellation).AsTask();
        var number = redis.IncrementAsync("c", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        for (var i = 0; i < 3; i++)
            await peer.CommandAsync(Cancellation);
        foreach (var one in "$5\r\nhe\r\no\r\n*2\r\n$1\r\nx\r\n$-1\r\n:12345\r\n")
            await peer.SendAsync(one.ToString(), Cancellation);

        (await value).GetString().ShouldBe("he\r\no");
        (await list).Root.Count.ShouldBe(2);
        (await number).ShouldBe(12345);
    }

    [Fact]
    public async Task A_cancelled_caller_leaves_and_the_stream_stays_in_order()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        using var leaving = new CancellationTokenSource();
        var memory = new byte[16];
        var left = redis.GetAsync("left", memory, leaving.Token).AsTask();
        var stays = redis.GetAsync("stays", Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.CommandAsync(Cancellation);

        await leaving.CancelAsync();
        var cancelled = await Should.ThrowAsync<OperationCanceledException>(left);
        cancelled.CancellationToken.ShouldBe(leaving.Token);

        await peer.SendAsync("$4\r\nleft\r\n$5\r\nstays\r\n", Cancellation);
        (await stays).GetString().ShouldBe("stays");
        memory.ShouldAllBe(b => b == 0, "the memory of a caller who left is his own again");
    }

    [Fact]
    public async Task A_call_with_a_cancelled_token_sends_nothing()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        await Should.ThrowAsync<OperationCanceledException>(redis.IncrementAsync("never", 1, new CancellationToken(true)).AsTask());
        var sent = redis.IncrementAsync("sent", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("INCRBY sent 1");
        await peer.SendAsync(":1\r\n", Cancellation);
        (await sent).ShouldBe(1);
    }

    [Fact]
    public async Task A_command_without_a_reply_in_time_is_told_that_it_may_have_run_and_the_next_one_gets_its_own_reply()
    {
        var time = new FakeTime();
        await using var server = new ScriptedRedis();
        await using var redis = Client(server, time: time);
        var late = redis.IncrementAsync("late", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        time.Advance(TimeSpan.FromSeconds(6));
        var failure = await Should.ThrowAsync<RedisException>(late);
        failure.Kind.ShouldBe(RedisErrorKind.TimedOut);
        failure.MayHaveRun.ShouldBeTrue();

        var next = redis.IncrementAsync("next", 1, Cancellation).AsTask();
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":111\r\n:222\r\n", Cancellation);
        (await next).ShouldBe(222);
    }

    [Fact]
    public async Task A_view_with_a_shorter_time_limit_gives_up_sooner()
    {
        var time = new FakeTime();
        await using var server = new ScriptedRedis();
        await using var redis = Client(server, time: time);
        var hurried = redis.WithTimeLimit(TimeSpan.FromMilliseconds(100));
        var patient = redis.IncrementAsync("patient", 1, Cancellation).AsTask();
        var late = hurried.IncrementAsync("hurried", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        time.Advance(TimeSpan.FromMilliseconds(500));
        (await Should.ThrowAsync<RedisException>(late)).Kind.ShouldBe(RedisErrorKind.TimedOut);
        patient.IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task At_a_break_every_command_that_was_sent_is_told_and_the_next_connection_serves_the_rest()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var first = redis.IncrementAsync("answered", 1, Cancellation).AsTask();
        var second = redis.IncrementAsync("sent", 1, Cancellation).AsTask();
        var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":1\r\n", Cancellation);
        (await first).ShouldBe(1);
        peer.Reset();

        var failure = await Should.ThrowAsync<RedisException>(second);
        failure.Kind.ShouldBe(RedisErrorKind.MayHaveRun);

        var third = redis.IncrementAsync("later", 1, Cancellation).AsTask();
        using var again = await server.NextAsync(Cancellation);
        (await again.CommandAsync(Cancellation)).ShouldBe("INCRBY later 1");
        await again.SendAsync(":3\r\n", Cancellation);
        (await third).ShouldBe(3);
    }

    [Fact]
    public async Task Commands_wait_for_a_server_that_is_away_until_their_time_limit_and_are_told_they_were_not_sent()
    {
        var time = new FakeTime();
        var port = RedisServerProcess.FreePort();
        await using var redis = Client(port, time: time);
        var waiting = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(100));
                return waiting.IsCompleted;
            },
            "the waiting command did not end");
        var failure = await Should.ThrowAsync<RedisException>(waiting);
        failure.Kind.ShouldBe(RedisErrorKind.NotSent);
        failure.MayHaveRun.ShouldBeFalse();

        // The outage is older than the patience now: refused at once, without waiting.
        time.Advance(TimeSpan.FromSeconds(5));
        var refused = redis.IncrementAsync("k", 1, Cancellation);
        (await Should.ThrowAsync<RedisException>(refused.AsTask())).Kind.ShouldBe(RedisErrorKind.NotSent);
    }

    [Fact]
    public async Task More_commands_than_the_bounds_wait_and_then_are_refused()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server, options => new RedisOptions
        {
            Endpoints = options.Endpoints,
            ConnectionsPerNode = 1,
            InFlightMax = 16,
            WaitingMax = 8,
        });
        var first = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        var others = Enumerable.Range(0, 23).Select(_ => redis.IncrementAsync("k", 1, Cancellation).AsTask()).ToArray();
        (await Should.ThrowAsync<RedisException>(redis.IncrementAsync("k", 1, Cancellation).AsTask())).Kind.ShouldBe(RedisErrorKind.Overloaded);

        for (var i = 0; i < 24; i++)
        {
            await peer.SendAsync($":{i}\r\n", Cancellation);
            if (i < 23)
                await peer.CommandAsync(Cancellation);
        }

        (await first).ShouldBe(0);
        (await Task.WhenAll(others)).ShouldBe(Enumerable.Range(1, 23).Select(i => (long)i));
    }

    [Fact]
    public async Task A_connection_that_is_not_there_yet_draws_no_commands_from_one_that_is()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server, options => new RedisOptions { Endpoints = options.Endpoints, ConnectionsPerNode = 2 });
        var first = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("INCRBY k 1");

        // The other connection has nothing before it and is wanted: it is made, but its handshake is never answered.
        var second = redis.IncrementAsync("k", 2, Cancellation).AsTask();
        using var silent = await server.NextAsync(Cancellation);
        (await peer.CommandAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(10), Cancellation)).ShouldBe("INCRBY k 2");
        await peer.SendAsync(":1\r\n:3\r\n", Cancellation);
        (await first).ShouldBe(1);
        (await second).ShouldBe(3);
    }

    [Fact]
    public async Task Bytes_that_are_not_RESP_break_the_connection_and_a_new_one_is_made()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var confused = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n", Cancellation);
        (await Should.ThrowAsync<RedisException>(confused)).Kind.ShouldBe(RedisErrorKind.Protocol);

        var next = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var again = await server.NextAsync(Cancellation);
        await again.CommandAsync(Cancellation);
        await again.SendAsync(":1\r\n", Cancellation);
        (await next).ShouldBe(1);
    }

    [Fact]
    public async Task A_reply_nobody_asked_for_breaks_the_connection()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var asked = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":1\r\n:2\r\n", Cancellation);
        (await asked).ShouldBe(1);
        var next = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var again = await server.NextAsync(Cancellation);
        await again.CommandAsync(Cancellation);
        await again.SendAsync(":3\r\n", Cancellation);
        (await next.WaitAsync(Cancellation)).ShouldBe(3);
    }

    [Fact]
    public async Task A_reply_of_another_type_fails_its_own_command_only()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var number = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        var value = redis.GetAsync("k", Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync("*0\r\n$1\r\nv\r\n", Cancellation);
        (await Should.ThrowAsync<RedisException>(number)).Kind.ShouldBe(RedisErrorKind.Protocol);
        (await value).GetString().ShouldBe("v");
    }

    [Fact]
    public async Task A_reply_above_the_size_limit_breaks_the_connection_before_it_is_read()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server, options => new RedisOptions { Endpoints = options.Endpoints, ReplyBytesMax = 64 * 1024 });
        var value = redis.GetAsync("k", Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync("$2000000000\r\n", Cancellation);
        (await Should.ThrowAsync<RedisException>(value)).Kind.ShouldBe(RedisErrorKind.Protocol);
    }

    [Fact]
    public async Task A_server_that_knows_no_HELLO_is_spoken_to_in_RESP2_with_AUTH()
    {
        await using var server = new ScriptedRedis { AutoHandshake = false };
        await using var redis = Client(server, options => new RedisOptions { Endpoints = options.Endpoints, User = "ann", Password = "secret" });
        var value = redis.GetAsync("k", Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("HELLO 3 AUTH ann secret");
        await peer.SendAsync("-ERR unknown command `HELLO`\r\n", Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("AUTH ann secret");
        await peer.SendAsync("+OK\r\n", Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("CLIENT SETNAME skyriff");
        await peer.SendAsync("-ERR no names here\r\n", Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("GET k");
        await peer.SendAsync("$-1\r\n", Cancellation);
        (await value).IsNull.ShouldBeTrue();
    }

    [Fact]
    public async Task A_script_that_the_server_forgot_is_sent_as_text_once()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var script = new RedisScript("return redis.call('GET', KEYS[1])");
        var answer = redis.EvaluateIntegerAsync(script, ["k"], [7, "x"], Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe($"EVALSHA {script.Hash} 1 k 7 x");
        await peer.SendAsync("-NOSCRIPT No matching script.\r\n", Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe($"EVAL {script.Body} 1 k 7 x");
        await peer.SendAsync(":5\r\n", Cancellation);
        (await answer).ShouldBe(5);
    }

    [Fact]
    public async Task A_large_payload_that_is_refused_early_is_not_let_go_before_it_is_sent()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        var writing = redis.SetAsync("k", new byte[64 << 20], null, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.BeginCommandAsync(Cancellation);
        await peer.SendAsync("-OOM no room\r\n", Cancellation);

        // A second caller's command comes back on another connection, so the refusal has been read by now as well.
        var other = redis.IncrementAsync("other", 1, Cancellation).AsTask();
        using var shared = await server.NextAsync(Cancellation);
        await shared.CommandAsync(Cancellation);
        await shared.SendAsync(":1\r\n", Cancellation);
        (await other).ShouldBe(1);
        writing.IsCompleted.ShouldBeFalse("its memory is still being read");

        var reading = peer.ReadToEndAsync(Cancellation);
        (await Should.ThrowAsync<RedisException>(writing)).Code.ShouldBe("OOM");
        await redis.DisposeAsync();
        await reading;
    }

    [Fact]
    public async Task A_large_payload_is_let_go_when_its_caller_leaves()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        using var leaving = new CancellationTokenSource();
        var writing = redis.SetAsync("k", new byte[64 << 20], null, leaving.Token).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.BeginCommandAsync(Cancellation);
        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(writing);
    }

    [Fact]
    public async Task A_disposed_client_fails_what_is_in_flight_and_refuses_the_rest()
    {
        await using var server = new ScriptedRedis();
        var redis = Client(server);
        var flying = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await redis.DisposeAsync();
        (await Should.ThrowAsync<RedisException>(flying)).Kind.ShouldBe(RedisErrorKind.MayHaveRun);
        (await Should.ThrowAsync<RedisException>(redis.IncrementAsync("k", 1, Cancellation).AsTask())).Kind.ShouldBe(RedisErrorKind.Disposed);
    }

    [Fact]
    public async Task A_silent_server_is_given_up_and_connected_to_again()
    {
        var time = new FakeTime();
        await using var server = new ScriptedRedis();
        await using var redis = Client(server, time: time);
        var lost = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        var reconnected = server.NextAsync(Cancellation);
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(250));
                return reconnected.IsCompleted;
            },
            "no second connection was made");
        (await Should.ThrowAsync<RedisException>(lost)).Kind.ShouldBe(RedisErrorKind.TimedOut);
    }

    private static RedisClient Client(ScriptedRedis server, Func<RedisOptions, RedisOptions>? change = null, TimeProvider? time = null) =>
        Client(server.Port, change, time);

    private static RedisClient Client(int port, Func<RedisOptions, RedisOptions>? change = null, TimeProvider? time = null)
    {
        var options = new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", port)], ConnectionsPerNode = 1 };
        return RedisClient.Create(change?.Invoke(options) ?? options, time ?? TimeProvider.System, Entropy.Seeded(1), NullLogger.Instance);
    }
}
