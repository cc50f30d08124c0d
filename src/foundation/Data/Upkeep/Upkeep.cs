using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>
/// Keeps one service's tables in shape on all shards: sweeps what has served (idempotency keys, inbox rows) in small batches, makes the coming months'
/// partitions of whatever is partitioned by month, and drops old months of histories. It looks for itself which of these the schema has. Any number may run.
/// </summary>
public sealed class Upkeep(ServiceDatabase database, UpkeepOptions options, TimeProvider time, Entropy entropy, ILogger<Upkeep> logger)
    : SupervisedLoop(database.Service + " upkeep", time, entropy, logger)
{
    /// <summary>Rows per statement: a batch holds its locks and its I/O for some milliseconds.</summary>
    private const int SweepBatch = 1_000;

    /// <summary>Months that have their partitions before they begin.</summary>
    private const int MonthsAhead = 2;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            foreach (var shard in database.Map.Shards)
            {
                try
                {
                    await RunOnceAsync(shard, stopping);
                }
                catch (DataException failure)
                {
                    Logger.LogWarning("{Loop} failed on {Shard} and comes back: {Reason}", Name, shard, failure.Message);
                }
            }
            // Jittered, so that a fleet does not sweep in step.
            await Task.Delay(options.Interval * (0.5 + Entropy.NextDouble()), Time, stopping);
        }
    }

    internal async Task RunOnceAsync(Shard shard, CancellationToken cancellationToken)
    {
        await SweepAsync(shard, "idempotency", "created_at", IdempotencyLedger.Retention, cancellationToken);
        await SweepAsync(shard, "inbox", "handled_at", Inbox.Retention, cancellationToken);
        var monthly = await database.PrimaryAsync(shard, (session, token) => session.ListAsync($"""
            SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
            WHERE n.nspname = {database.Service} AND p.partstrat = 'r' AND a.atttypid IN ('bigint'::regtype, 'timestamptz'::regtype)
            """, row => row.Text(0), token), cancellationToken);
        foreach (var table in monthly)
        {
            var name = $"{database.Service}.{table}";
            await database.PrimaryAsync(shard, (session, token) => session.SingleAsync(
                $"SELECT skyriff.ensure_months({name}::text::regclass, {MonthsAhead})", row => row.Int(0), token), cancellationToken);
            if (!table.EndsWith("_history", StringComparison.Ordinal)) continue;
            await database.PrimaryAsync(shard, (session, token) => session.SingleAsync(
                $"SELECT skyriff.drop_months({name}::text::regclass, now() - make_interval(months => {options.HistoryMonths}))", row => row.Int(0), token), cancellationToken);
        }
    }

    private async Task SweepAsync(Shard shard, string table, string column, TimeSpan retention, CancellationToken cancellationToken)
    {
        var name = $"{database.Service}.{table}";
        var exists = await database.PrimaryAsync(shard, (session, token) => session.SingleAsync(
            $"SELECT to_regclass({name}) IS NOT NULL", row => row.Bool(0), token), cancellationToken);
        if (!exists) return;
        var (splicedName, splicedColumn) = (Sql.Splice(name), Sql.Splice(column));
        int swept;
        do
        {
            swept = await database.PrimaryAsync(shard, (session, token) => session.ExecuteAsync($"""
                DELETE FROM {splicedName} WHERE ctid = ANY(ARRAY(
                  SELECT ctid FROM {splicedName} WHERE {splicedColumn} < now() - {retention} LIMIT {SweepBatch} FOR UPDATE SKIP LOCKED))
                """, token), cancellationToken);
        }
        while (swept == SweepBatch);
    }
}

/// <summary>How long things are kept.</summary>
public sealed class UpkeepOptions
{
    /// <summary>How often each table is looked after, 1 s to 1 day.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Finished jobs are kept for this many whole months, 1 to 120.</summary>
    public int HistoryMonths { get; set; } = 6;

    /// <summary>Every mistake, not only the first.</summary>
    public IEnumerable<string> Validate()
    {
        if (Interval < TimeSpan.FromSeconds(1) || Interval > TimeSpan.FromDays(1)) yield return $"Upkeep:Interval is {Interval}; 1 s to 1 day are possible.";
        if (HistoryMonths is < 1 or > 120) yield return $"Upkeep:HistoryMonths is {HistoryMonths}; 1 to 120 are possible.";
    }
}
