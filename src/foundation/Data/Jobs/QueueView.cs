using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>Where a live job stands.</summary>
/// <param name="Running">A worker has it.</param>
/// <param name="Ahead">Waiting jobs of its kind that will be claimed before it: exact on its own shard, as of the last refresh on the others.</param>
public sealed record QueuePosition(bool Running, int Ahead);

/// <summary>
/// One shard's queue as of the last refresh: due jobs that no worker has, jobs that wait for their time, jobs that workers have, and for how long the
/// longest-waiting due job has been due.
/// </summary>
public sealed record QueueDepth(Shard Shard, int Waiting, int Delayed, int Leased, TimeSpan OldestWaiting);

/// <summary>
/// A process's picture of a service's queue on all shards, refreshed about every second with one statement per shard, so that a request for a position asks one shard only.
/// </summary>
public sealed class QueueView(JobQueue queue, TimeProvider time, Entropy entropy, ILogger<QueueView> logger)
    : SupervisedLoop(queue.Database.Service + " queue view", time, entropy, logger)
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    /// <summary>Longer turns are counted as one: nobody is told a position behind them to the last digit.</summary>
    private const int TurnMax = 1_000;

    /// <summary>Replaced whole per shard, by the loop alone.</summary>
    private readonly Snapshot[] _shards = [.. queue.Database.Map.Shards.Select(shard => Snapshot.Empty(shard))];

    /// <summary>All shards as of their last refresh.</summary>
    public IReadOnlyList<QueueDepth> Depths => [.. _shards.Select(snapshot => snapshot.Depth)];

    /// <summary>Due jobs of all kinds on all shards that a new job of this priority and turn would wait behind.</summary>
    public int Ahead(short priority, int turn) => Others(null, null, priority, Math.Min(turn, TurnMax));

    /// <summary>Due jobs of one kind on all shards that a new one of this priority and turn would wait behind.</summary>
    public int Ahead(string kind, short priority, int turn) => Others(null, kind, priority, Math.Min(turn, TurnMax));

    /// <summary>The positions of jobs of one slot, in one statement; what has no live job is missing.</summary>
    public async Task<IReadOnlyDictionary<long, QueuePosition>> PositionsAsync(int slot, IReadOnlyCollection<long> ids, CancellationToken cancellationToken)
    {
        var shard = queue.Database.Map.ShardOf(slot);
        var rows = await queue.Database.PrimaryAsync(shard, (session, token) => session.ListAsync($"""
            SELECT j.id, j.leased_by IS NOT NULL, j.priority, least(j.turn, {TurnMax}), j.kind,
              CASE WHEN j.leased_by IS NOT NULL THEN 0 ELSE (
                SELECT count(*) FROM {session.Schema}.jobs o WHERE o.leased_by IS NULL AND o.run_at <= now() AND o.kind = j.kind
                  AND (o.priority > j.priority OR (o.priority = j.priority AND (o.turn, o.run_at, o.id) < (j.turn, j.run_at, j.id)))) END
            FROM {session.Schema}.jobs j WHERE j.id = ANY({ids.ToArray()})
            """,
            row => (Id: row.Long(0), Running: row.Bool(1), Priority: row.Short(2), Turn: row.Int(3), Kind: row.Text(4), Ahead: (int)row.Long(5)), token), cancellationToken);
        return rows.ToDictionary(row => row.Id, row => new QueuePosition(row.Running, row.Running ? 0 : row.Ahead + Others(shard, row.Kind, row.Priority, row.Turn)));
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.WhenAll(queue.Database.Map.Shards.Select(shard => RefreshAsync(shard, stopping)));
            await Task.Delay(RefreshInterval, Time, stopping);
        }
    }

    internal async Task RefreshAsync(Shard shard, CancellationToken cancellationToken)
    {
        try
        {
            var groups = await queue.Database.PrimaryAsync(shard, (session, token) => session.ListAsync($"""
                SELECT kind, priority, least(turn, {TurnMax}),
                  count(*) FILTER (WHERE leased_by IS NULL AND run_at <= now()), count(*) FILTER (WHERE leased_by IS NULL AND run_at > now()),
                  count(*) FILTER (WHERE leased_by IS NOT NULL), min(run_at) FILTER (WHERE leased_by IS NULL AND run_at <= now()), now()
                FROM {session.Schema}.jobs GROUP BY 1, 2, 3
                """, row => new Group(
                    row.Text(0), row.Short(1), row.Int(2), (int)row.Long(3), (int)row.Long(4), (int)row.Long(5),
                    row.TimeOrNull(6) is { } oldest ? row.Time(7) - oldest : TimeSpan.Zero), token), cancellationToken);
            _shards[shard.Number] = Snapshot.Of(shard, groups);
        }
        catch (DataException failure)
        {
            Logger.LogDebug("{Loop}: {Shard} was not refreshed: {Reason}", Name, shard, failure.Message);
        }
    }

    /// <summary>Of equal rank half are taken to be ahead: due times of other shards are not compared.</summary>
    private int Others(Shard? except, string? kind, short priority, int turn)
    {
        var ahead = 0;
        var equal = 0;
        foreach (var snapshot in _shards)
        {
            if (snapshot.Depth.Shard == except) continue;
            foreach (var group in snapshot.Groups)
            {
                if (kind is not null && group.Kind != kind) continue;
                if (group.Priority > priority || (group.Priority == priority && group.Turn < turn)) ahead += group.Waiting;
                else if (group.Priority == priority && group.Turn == turn) equal += group.Waiting;
            }
        }
        return ahead + ((equal + 1) / 2);
    }

    private sealed record Group(string Kind, short Priority, int Turn, int Waiting, int Delayed, int Leased, TimeSpan Oldest);

    private sealed record Snapshot(QueueDepth Depth, IReadOnlyList<Group> Groups)
    {
        public static Snapshot Empty(Shard shard) => new(new QueueDepth(shard, 0, 0, 0, TimeSpan.Zero), []);

        public static Snapshot Of(Shard shard, IReadOnlyList<Group> groups) => new(
            new QueueDepth(
                shard, groups.Sum(group => group.Waiting), groups.Sum(group => group.Delayed), groups.Sum(group => group.Leased),
                groups.Select(group => group.Oldest).DefaultIfEmpty().Max()),
            groups);
    }
}
