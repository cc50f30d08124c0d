using System.Diagnostics;
using SkyRiff.Redis;
using SkyRiff.Redis.Cluster;
using SkyRiff.Testing.Redis;

namespace SkyRiff.Bench.Redis;

/// <summary>
/// Six servers, 128 callers that each count up a key of their own and read back their name; one primary is killed with SIGKILL. A count above what
/// the caller counted plus what it could not know, or another caller's name, is a wrong answer. (A count below is what Redis itself may lose: its
/// replication is asynchronous.)
/// </summary>
public static class ClusterFailover
{
    private const int Callers = 128;

    public static async Task RunAsync(Results results, int rounds, CancellationToken cancellation)
    {
        for (var round = 0; round < rounds; round++)
        {
            await using var cluster = await RedisClusterProcess.StartAsync();
            var options = new RedisOptions
            {
                Endpoints = [new RedisEndpoint("127.0.0.1", cluster.Servers[0].Port)],
                Topology = RedisTopology.Cluster,
                TimeLimit = TimeSpan.FromSeconds(20),
                OutagePatience = TimeSpan.FromSeconds(20),
            };
            await using var redis = await RedisClient.ConnectAsync(options, cancellation);
            for (var caller = 0; caller < Callers; caller++)
                await redis.SetAsync($"name:{caller}", caller, null, cancellation);
            var load = new Load(redis);
            var callers = Enumerable.Range(0, Callers).Select(caller => load.CallAsync(caller, cancellation)).ToArray();
            await load.EveryoneMovedOnAsync(cancellation);

            var victim = ((ClusterRouter)redis.Router).PrimaryOf(KeySlot.Of("count:0"u8)).Endpoint;
            var killed = Stopwatch.GetTimestamp();
            cluster.ServerAt(victim.Port).Kill();
            await load.EveryoneMovedOnAsync(cancellation);
            var whole = Stopwatch.GetElapsedTime(killed);
            load.Stop();
            await Task.WhenAll(callers);
            results.Add("redis_cluster.ms_to_full_service_after_kill", "ms", whole.TotalMilliseconds);
            results.Add("redis_cluster.unknown_outcomes_after_kill", "commands", load.Unknown);
            results.Add("redis_cluster.wrong_answers_after_kill", "answers", load.Wrong);
            results.Add("redis_cluster.commands_answered", "commands", load.Answered);
        }
    }

    private sealed class Load(RedisClient redis)
    {
        private readonly long[] _answered = new long[Callers];
        private bool _stop;
        private int _unknown;
        private int _wrong;

        public int Unknown => _unknown;

        public int Wrong => _wrong;

        public long Answered => _answered.Sum();

        public void Stop() => Volatile.Write(ref _stop, true);

        /// <summary>Returns when every caller got answers that it asked for after this began.</summary>
        public async Task EveryoneMovedOnAsync(CancellationToken cancellation)
        {
            var mark = _answered.ToArray();
            using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
            while (Enumerable.Range(0, Callers).Any(caller => Volatile.Read(ref _answered[caller]) < mark[caller] + 3))
                await poll.WaitForNextTickAsync(cancellation);
        }

        public async Task CallAsync(int caller, CancellationToken cancellation)
        {
            await Task.Yield();
            var key = $"count:{caller}";
            var (acknowledged, doubtful) = (0L, 0L);
            while (!Volatile.Read(ref _stop))
            {
                try
                {
                    var answer = await redis.IncrementAsync(key, 1, cancellation);
                    if (answer > acknowledged + doubtful + 1 || answer < 1)
                        Interlocked.Increment(ref _wrong);
                    (acknowledged, doubtful) = (answer, 0);
                    using var name = await redis.GetAsync($"name:{caller}", cancellation);
                    if (!name.IsNull && name.GetString() != $"{caller}")
                        Interlocked.Increment(ref _wrong);
                    Interlocked.Increment(ref _answered[caller]);
                }
                catch (RedisException failure) when (failure.MayHaveRun)
                {
                    doubtful++;
                    Interlocked.Increment(ref _unknown);
                }
            }
        }
    }
}
