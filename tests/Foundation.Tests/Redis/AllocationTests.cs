using Shouldly;
using SkyRiff.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>Alone: what other tests allocate would be counted too.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationCases : ICollectionFixture<RedisServerFixture>;

/// <summary>The budget of the hot paths: nothing is allocated per command once pools are warm.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests(RedisServerFixture fixture)
{
    private const int Callers = 32;
    private const int Rounds = 400;

    /// <summary>What timers, the pool's threads and the test host may allocate meanwhile, spread over all commands.</summary>
    private const double BytesPerCommandMax = 6;

    private static readonly RedisScript Add = new("return redis.call('INCRBY', KEYS[1], ARGV[1])");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> HotPaths => ["get into memory", "get as lease", "set", "increment", "script", "with a token"];

    [Theory]
    [MemberData(nameof(HotPaths))]
    public async Task A_command_allocates_nothing(string path)
    {
        var redis = fixture.Redis;
        var key = fixture.Key();
        await redis.SetAsync(key, path is "increment" or "script" ? "0"u8.ToArray() : new byte[100], null, Cancellation);
        using var leaving = new CancellationTokenSource();
        await RunAsync(path, redis, key, 600, leaving.Token);
        var least = double.MaxValue;
        for (var attempt = 0; attempt < 5 && least > BytesPerCommandMax; attempt++)
            least = Math.Min(least, await RunAsync(path, redis, key, Rounds, leaving.Token));
        least.ShouldBeLessThanOrEqualTo(BytesPerCommandMax, $"bytes per command: {path}");
    }

    private static async Task<double> RunAsync(string path, RedisClient redis, string key, int rounds, CancellationToken token)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(() => CallAsync(path, redis, key, rounds, token), CancellationToken.None)));
        return (GC.GetTotalAllocatedBytes(precise: true) - before - (Callers * 1500.0)) / (Callers * (double)rounds);
    }

    private static async Task CallAsync(string path, RedisClient redis, string key, int rounds, CancellationToken token)
    {
        var memory = new byte[100];
        for (var round = 0; round < rounds; round++)
        {
            switch (path)
            {
                case "get into memory":
                    await redis.GetAsync(key, memory, CancellationToken.None);
                    break;
                case "get as lease":
                    (await redis.GetAsync(key, CancellationToken.None)).Dispose();
                    break;
                case "set":
                    await redis.SetAsync(key, memory, TimeSpan.FromMinutes(1), CancellationToken.None);
                    break;
                case "increment":
                    await redis.IncrementAsync(key, 1, CancellationToken.None);
                    break;
                case "script":
                    await redis.EvaluateIntegerAsync(Add, [key], [1], CancellationToken.None);
                    break;
                default:
                    await redis.GetAsync(key, memory, token);
                    break;
            }
        }
    }
}
