using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>Callers who leave at any moment, connections that are killed at any moment, replies of all sizes: nobody ever gets another one's value.</summary>
public sealed class ChaosTests
{
    private const int Callers = 64;

    private static readonly int[] Sizes = [0, 1, 100, 5_000, 40_000, 150_000];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Under_kills_and_cancellations_every_value_is_the_right_one(bool inlineContinuations)
    {
        var rounds = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1" ? 5_000 : 150;
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions
        {
            Endpoints = [RedisEndpoint.UnixSocket(server.SocketPath)],
            InFlightMax = 32,
            TimeLimit = TimeSpan.FromSeconds(30),
            OutagePatience = TimeSpan.FromSeconds(30),
            ReconnectDelayMax = TimeSpan.FromMilliseconds(20),
            InlineContinuations = inlineContinuations,
        });
        for (var caller = 0; caller < Callers; caller++)
            await redis.SetAsync($"own:{caller}", Value(caller), null, Cancellation);

        var (right, left, broken) = (0, 0, 0);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var killing = KillAsync(server, stopping.Token);
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            var expected = Value(caller);
            var memory = new byte[expected.Length];
            for (var round = 0; round < rounds; round++)
            {
                using var leaving = new CancellationTokenSource();
                var hurry = random.Next(3) == 0;
                try
                {
                    if (random.Next(2) == 0)
                    {
                        memory.AsSpan().Clear();
                        var read = redis.GetAsync($"own:{caller}", memory, leaving.Token);
                        if (hurry)
                            await leaving.CancelAsync();
                        (await read).ShouldBe(expected.Length);
                        memory.AsSpan().SequenceEqual(expected).ShouldBeTrue();
                    }
                    else
                    {
                        var read = redis.GetAsync($"own:{caller}", leaving.Token);
                        if (hurry)
                            await leaving.CancelAsync();
                        using var value = await read;
                        value.Span.SequenceEqual(expected).ShouldBeTrue();
                    }

                    Interlocked.Increment(ref right);
                }
                catch (OperationCanceledException) when (leaving.IsCancellationRequested)
                {
                    memory.AsSpan().Fill(0xEE);
                    Interlocked.Increment(ref left);
                    await redis.PingAsync(CancellationToken.None).AsTask().ContinueWith(_ => { }, TaskScheduler.Default); // others' replies pass
                    memory.ShouldAllBe(b => b == 0xEE, "the memory of a caller who left is not written any more");
                }
                catch (RedisException failure) when (failure.Kind is RedisErrorKind.MayHaveRun)
                {
                    Interlocked.Increment(ref broken);
                }
            }
        }, CancellationToken.None)));
        await stopping.CancelAsync();
        await killing;

        right.ShouldBeGreaterThan(0);
        left.ShouldBeGreaterThan(0);
        broken.ShouldBeGreaterThan(0, "the kills hit nothing");
    }

    private static byte[] Value(int caller)
    {
        var value = new byte[Sizes[caller % Sizes.Length] + caller];
        new Random(1000 + caller).NextBytes(value);
        return value;
    }

    private static async Task KillAsync(RedisServerProcess server, CancellationToken stopping)
    {
        await using var killer = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(server.SocketPath)], ConnectionsPerNode = 1 });
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(7));
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                using var reply = await killer.CallAsync(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], -1, CancellationToken.None);
                await pace.WaitForNextTickAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
