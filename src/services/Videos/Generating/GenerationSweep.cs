using Microsoft.Extensions.Logging;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// Looks for what fell between two commits of a process that died, on every shard: acceptances that nobody goes on with, generations without a live job, ones past
/// their deadline that no worker has. Everything it does may be done by several processes at once.
/// </summary>
internal sealed class GenerationSweep(VideosDatabase database, Acceptance acceptance, JobQueue queue, SweepOptions options, TimeProvider time, Entropy entropy, ILogger<GenerationSweep> logger)
    : SupervisedLoop("videos.sweep", time, entropy, logger)
{
    private const int BatchMax = 100;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(options.Interval, Time);
        do
        {
            foreach (var shard in database.Map.Shards)
            {
                try
                {
                    await SweepAsync(shard, stopping);
                }
                catch (DataException failure) when (failure.IsTransient)
                {
                    Logger.LogWarning("{Loop} passes over {Shard}: {Reason}", Name, shard, failure.Message);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    internal async Task SweepAsync(Shard shard, CancellationToken cancellationToken)
    {
        await ForEachAsync(shard, $"phase = 'Holding' AND updated_at < now() - {options.AcceptanceMax}", row =>
        {
            Logger.LogInformation("Going on with the acceptance of generation {Generation}", row.Id);
            return acceptance.ContinueAsync(row, cancellationToken);
        }, cancellationToken);
        await ForEachAsync(shard, $"phase <> 'Holding' AND updated_at < now() - {options.JobMissingAfter} AND NOT EXISTS (SELECT FROM videos.jobs WHERE jobs.id = generations.id)", row => RequeueAsync(shard, row, cancellationToken), cancellationToken);
        await ForEachAsync(shard, $"phase = 'Queued' AND deadline < now()", row => ExpireAsync(shard, row, cancellationToken), cancellationToken);
    }

    /// <summary>One that cannot be helped keeps nobody from the others.</summary>
    private async Task ForEachAsync(Shard shard, Sql condition, Func<GenerationRow, Task> help, CancellationToken cancellationToken)
    {
        foreach (var row in await UnfinishedAsync(shard, condition, cancellationToken))
        {
            try
            {
                await help(row);
            }
            catch (Exception failure) when (failure is not OperationCanceledException && failure is not DataException { IsTransient: true })
            {
                Logger.LogError(failure, "Generation {Generation} in {Phase} could not be helped", row.Id, row.Job.Phase);
            }
        }
    }

    private Task<List<GenerationRow>> UnfinishedAsync(Shard shard, Sql condition, CancellationToken cancellationToken) => database.PrimaryAsync(shard, (sql, token) => sql.ListAsync($"""
        SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations
         WHERE phase NOT IN ('Ready', 'Failed', 'Cancelled') AND {condition} ORDER BY updated_at LIMIT {BatchMax}
        """, GenerationRow.Read, token), cancellationToken);

    private async Task RequeueAsync(Shard shard, GenerationRow row, CancellationToken cancellationToken)
    {
        try
        {
            var requeued = await database.TransactAsync(shard, async (sql, token) =>
            {
                // Another process may have given it one, which meanwhile did all the work.
                var isOpen = await sql.FirstAsync($"SELECT true FROM videos.generations WHERE id = {row.Id} AND phase NOT IN ('Ready', 'Failed', 'Cancelled') FOR UPDATE", found => found.Bool(0), token);
                if (isOpen) await queue.EnqueueAsync(sql, new NewJob(row.Id.Value, row.Provider, row.User.Value, row.Priority, Acceptance.JobPayload), token);
                return isOpen;
            }, cancellationToken);
            if (requeued) Logger.LogWarning("Generation {Generation} in {Phase} had no job and got a new one", row.Id, row.Job.Phase);
        }
        catch (DataException taken) when (taken.Failure is DataFailure.Duplicate)
        {
            Logger.LogDebug("Generation {Generation} got its job meanwhile", row.Id);
        }
    }

    /// <summary>Taken from the queue; a worker settles it.</summary>
    private Task<bool> ExpireAsync(Shard shard, GenerationRow row, CancellationToken cancellationToken) => database.TransactAsync(shard, async (sql, token) =>
    {
        if (row.Job.AfterDeadline(Time.GetUtcNow()) is not { } expired || await queue.SupersedeAsync(sql, row.Id.Value, TimeSpan.Zero, token) is null) return false;
        return await GenerationStore.ChangeAsync(sql, row, row with { Job = expired }, token) is not null;
    }, cancellationToken);
}
