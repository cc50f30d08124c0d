using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>Callers' continuations run on the connection's reader; one that blocks there holds up nobody, and not itself.</summary>
public sealed class BlockingContinuationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_continuation_may_block_on_its_own_next_command()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        using var allResumed = new CountdownEvent(4);
        var callers = Enumerable.Range(0, 4).Select(caller => BlockingCallerAsync(redis, allResumed, isLast: caller == 3)).ToArray();
        using var peer = await server.NextAsync(Cancellation);
        for (var i = 0; i < 4; i++)
            await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":1\r\n:1\r\n:1\r\n:1\r\n", Cancellation); // one batch of four continuations
        for (var i = 0; i < 3; i++)
        {
            await peer.CommandAsync(Cancellation);
            await peer.SendAsync(":2\r\n", Cancellation);
        }

        (await Task.WhenAll(callers)).ShouldBe([2, 2, 2, 1]);
    }

    /// <summary>A reply that was the only one in flight is completed before the next bytes are asked for: somebody else must then ask.</summary>
    [Theory]
    [InlineData("its own next command")]
    [InlineData("another caller's command")]
    public async Task A_continuation_of_a_lone_reply_may_block_on(string what)
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        using var blocked = new ManualResetEventSlim();
        var others = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var caller = Task.Run(
            async () =>
            {
                await redis.IncrementAsync("a", 1, Cancellation).ConfigureAwait(false);
                blocked.Set();
                var second = what.StartsWith("its", StringComparison.Ordinal) ? redis.IncrementAsync("a", 1, Cancellation).AsTask() : others.Task;
                ((IAsyncResult)second).AsyncWaitHandle.WaitOne(); // blocks the reader's thread
                return await second;
            },
            Cancellation);
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":1\r\n", Cancellation);
        await Task.Run(() => blocked.Wait(Cancellation), Cancellation);
        if (!what.StartsWith("its", StringComparison.Ordinal))
            _ = Task.Run(async () => others.SetResult(await redis.IncrementAsync("a", 1, Cancellation)), Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":2\r\n", Cancellation);
        (await caller.WaitAsync(Patience, Cancellation)).ShouldBe(2);
    }

    [Fact]
    public async Task A_continuation_of_a_lone_reply_may_block_on_the_end_of_its_client()
    {
        await using var server = new ScriptedRedis();
        var redis = Client(server);
        var caller = Task.Run(
            async () =>
            {
                await redis.IncrementAsync("a", 1, Cancellation).ConfigureAwait(false);
                ((IAsyncResult)redis.DisposeAsync().AsTask()).AsyncWaitHandle.WaitOne(); // blocks the reader's thread
            },
            Cancellation);
        using var peer = await server.NextAsync(Cancellation);
        await peer.CommandAsync(Cancellation);
        await peer.SendAsync(":1\r\n", Cancellation);
        await caller.WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task The_end_of_a_connection_is_seen_while_a_continuation_of_it_blocks()
    {
        await using var server = new ScriptedRedis();
        await using var redis = Client(server);
        using var goOn = new ManualResetEventSlim();
        var caller = Task.Run(
            async () =>
            {
                await redis.IncrementAsync("a", 1, Cancellation).ConfigureAwait(false);
                goOn.Wait(Cancellation);
            },
            Cancellation);
        using (var peer = await server.NextAsync(Cancellation))
        {
            await peer.CommandAsync(Cancellation);
            await peer.SendAsync(":1\r\n", Cancellation);
        }

        using var next = await server.NextAsync(Cancellation).WaitAsync(Patience, Cancellation); // connected again while it blocks
        goOn.Set();
        await caller;
    }

    /// <summary>
    /// Issues its second command only after the last of the batch was taken, and blocks a thread of the batch on it; the last issues none, so that
    /// nothing of its own takes the others' commands along.
    /// </summary>
    private static async Task<long> BlockingCallerAsync(RedisClient redis, CountdownEvent allResumed, bool isLast)
    {
        var first = await redis.IncrementAsync("k", 1, Cancellation);
        allResumed.Signal();
        allResumed.Wait(Cancellation);
        if (isLast)
            return first;

        var second = redis.IncrementAsync("k", 1, Cancellation).AsTask();
        ((IAsyncResult)second).AsyncWaitHandle.WaitOne(); // blocks the thread that runs the batch
        return await second;
    }

    private static RedisClient Client(ScriptedRedis server) => RedisClient.Create(
        new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], ConnectionsPerNode = 1 }, TimeProvider.System, Entropy.Seeded(1), NullLogger.Instance);
}
