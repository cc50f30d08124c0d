using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

public sealed class ConnectionFuzzTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_talks_nonsense_never_hangs_or_crashes_the_client()
    {
        var rounds = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1" ? 20_000 : 300;
        await using var server = new ScriptedRedis();
        var options = new RedisOptions
        {
            Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)],
            ConnectionsPerNode = 1,
            ReconnectDelayBase = TimeSpan.Zero,
            ReconnectDelayMax = TimeSpan.Zero,
            ReplyBytesMax = 64 * 1024,
        };
        await using var redis = RedisClient.Create(options, TimeProvider.System, Entropy.Seeded(1), NullLogger.Instance);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var serving = ServeNonsenseAsync(server, stopping.Token);
        var answered = 0;
        for (var round = 0; round < rounds; round++)
        {
            // One command of each shape: each must end, whichever way.
            Task[] calls =
            [
                redis.GetAsync("k", new byte[8], Cancellation).AsTask(), redis.GetAsync("k", Cancellation).AsTask(), redis.IncrementAsync("k", 1, Cancellation).AsTask(),
                redis.SortedSetScoreAsync("k", "m", Cancellation).AsTask(), redis.CallAsync(["LRANGE", "k", 0, -1], Cancellation).AsTask(),
                redis.CreateTransaction().Queue(["INCR", "k"]).ExecuteAsync(Cancellation).AsTask(),
            ];
            foreach (var call in calls)
            {
                try
                {
                    await call.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
                    answered++;
                }
                catch (RedisException)
                {
                    // told, which is what counts
                }
            }
        }

        answered.ShouldBeGreaterThan(0);
        await stopping.CancelAsync();
        await serving;
    }

    /// <summary>On every connection: one command is read, nonsense is sent, and the connection ends.</summary>
    private static async Task ServeNonsenseAsync(ScriptedRedis server, CancellationToken stopping)
    {
        var random = new Random(99);
        var corpus = RespTests.Frames.Select(Encoding.Latin1.GetBytes).ToArray();
        var buffer = new byte[4096];
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                using var peer = await server.NextAsync(stopping);
                await peer.CommandAsync(stopping);
                await peer.SendAsync(buffer.AsMemory(0, FrameMutation.Make(random, corpus, buffer)), stopping);
                peer.CloseAfterSending();
                await peer.ReadToEndAsync(stopping);
            }
            catch (Exception ended) when (ended is OperationCanceledException or System.Net.Sockets.SocketException or EndOfStreamException)
            {
                // the client left first
            }
        }
    }
}
