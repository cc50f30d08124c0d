using Microsoft.Extensions.Logging;
using Npgsql;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>
/// Looks at every replica, and at the primaries of shards that have some, about five times a second, so that
/// <see cref="ServiceDatabase.ReadAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/> can choose without asking. Without it running, and without replicas, all reads go to primaries. One per process.
/// </summary>
public sealed class ReplicaWatch(ShardMap map, TimeProvider time, Entropy entropy, ILogger<ReplicaWatch> logger) : SupervisedLoop("replica watch", time, entropy, logger)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>An answer that takes longer is none; also how long a dead server is left alone.</summary>
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(1);

    private const string PrimaryPosition = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint";

    /// <summary>A server that is no replica any more (promoted) answers null and is out.</summary>
    private const string ReplicaPosition = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END";

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var watched = new List<Task>();
        foreach (var shard in map.Shards)
        {
            if (map.RotationOf(shard) is not { } rotation) continue;
            watched.Add(WatchAsync(map.PrimaryOf(shard, map.CommonUser), PrimaryPosition, shard + "'s primary", rotation.PrimaryAt, () => { }, stopping));
            var replicas = map.ReplicasOf(shard);
            for (var i = 0; i < replicas.Count; i++)
            {
                var replica = i;
                watched.Add(WatchAsync(map.Pool(map.CommonUser, replicas[i]), ReplicaPosition, $"{shard}'s replica {i}",
                    (position, at) => rotation.ReplicaAt(replica, position, at), () => rotation.ReplicaFailed(replica), stopping));
            }
        }
        await Task.WhenAll(watched);
    }

    private async Task WatchAsync(NpgsqlDataSource server, string query, string name, Action<long, long> seen, Action failed, CancellationToken stopping)
    {
        var answered = true;
        while (true)
        {
            var wait = LookEvery;
            using var limit = new CancellationTokenSource(AnswerWithin, Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stopping);
            try
            {
                var at = Time.GetTimestamp(); // before the question: the answer is at least that fresh
                await using var command = server.CreateCommand(query);
                if (await command.ExecuteScalarAsync(either.Token) is not long position) throw new NpgsqlException("it is not replaying a primary's log");
                seen(position, at);
                if (!answered) Logger.LogInformation("{Server} answers again", name);
                answered = true;
            }
            catch (Exception failure) when (failure is NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException
                || (failure is OperationCanceledException && !stopping.IsCancellationRequested))
            {
                failed();
                if (answered) Logger.LogWarning("{Server} does not answer: {Reason}", name, failure.Message);
                answered = false;
                wait = AnswerWithin;
            }
            await Task.Delay(wait, Time, stopping);
        }
    }
}
