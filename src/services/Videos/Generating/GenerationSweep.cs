using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Objects;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// Looks for what fell between two commits of a process that died, on every shard: acceptances that nobody goes on with, generations without a live job, ones past
/// their deadline that no worker has, and stored files that belong to nothing. Everything it does may be done by several processes at once.
/// </summary>
internal sealed class GenerationSweep(VideosDatabase database, GenerationStore store, Acceptance acceptance, JobQueue queue, IObjectStore objects, TimeProvider time, Entropy entropy, ILogger<GenerationSweep> logger)
    : SupervisedLoop("videos.sweep", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FilesInterval = TimeSpan.FromMinutes(30);

    /// <summary>A request has long been answered, or its process is gone.</summary>
    private static readonly TimeSpan AcceptanceMax = TimeSpan.FromSeconds(15);

    /// <summary>A job's row is written with the generation's own; a gap older than this is no transaction in progress.</summary>
    private static readonly TimeSpan JobMissingAfter = TimeSpan.FromSeconds(20);

    /// <summary>Files of a job in progress are younger than this.</summary>
    private static readonly TimeSpan OrphanAge = TimeSpan.FromHours(2);

    private const int BatchMax = 100;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, Time);
        var files = Time.GetTimestamp();
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
            if (Time.GetElapsedTime(files) >= FilesInterval)
            {
                files = Time.GetTimestamp();
                await SweepFilesAsync(Time.GetUtcNow() - OrphanAge, stopping);
            }
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    internal async Task SweepAsync(Shard shard, CancellationToken cancellationToken)
    {
        foreach (var row in await UnfinishedAsync(shard, $"phase = 'Holding' AND updated_at < now() - {AcceptanceMax}", cancellationToken))
        {
            Logger.LogInformation("Going on with the acceptance of generation {Generation}", row.Id);
            await acceptance.ContinueAsync(row, cancellationToken);
        }
        foreach (var row in await UnfinishedAsync(shard, $"phase <> 'Holding' AND updated_at < now() - {JobMissingAfter} AND NOT EXISTS (SELECT FROM videos.jobs WHERE jobs.id = generations.id)", cancellationToken))
        {
            Logger.LogWarning("Generation {Generation} in {Phase} has no job; it gets a new one", row.Id, row.Job.Phase);
            await RequeueAsync(shard, row, cancellationToken);
        }
        foreach (var row in await UnfinishedAsync(shard, $"phase = 'Queued' AND deadline < now()", cancellationToken))
        {
            await ExpireAsync(shard, row, cancellationToken);
        }
    }

    /// <summary>Deletes stored files, older than <paramref name="storedBefore"/>, of generations that are not there or have ended without a clip. Answers how many.</summary>
    internal async Task<int> SweepFilesAsync(DateTimeOffset storedBefore, CancellationToken cancellationToken)
    {
        var deleted = 0;
        GenerationId? last = null;
        var belongs = false;
        await foreach (var stored in objects.ListAsync(ObjectPrefix.Of("clips/"), storedBefore, cancellationToken))
        {
            var folder = stored.Key.Value.Split('/')[1];
            if (!Kernel.Ids.TypedId.TryParse<GenerationId>(folder, out var id)) continue;
            if (id != last)
            {
                last = id;
                belongs = await store.FindAsync(id, cancellationToken) is { Job.Phase: not (Phase.Failed or Phase.Cancelled) };
            }
            if (!belongs && await objects.DeleteAsync(stored.Key, cancellationToken)) deleted++;
        }
        if (deleted > 0) Logger.LogInformation("Deleted {Count} stored files that belonged to nothing", deleted);
        return deleted;
    }

    private Task<List<GenerationRow>> UnfinishedAsync(Shard shard, Sql condition, CancellationToken cancellationToken) => database.PrimaryAsync(shard, (sql, token) => sql.ListAsync($"""
        SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations
         WHERE phase NOT IN ('Ready', 'Failed', 'Cancelled') AND {condition} ORDER BY updated_at LIMIT {BatchMax}
        """, GenerationRow.Read, token), cancellationToken);

    private async Task RequeueAsync(Shard shard, GenerationRow row, CancellationToken cancellationToken)
    {
        try
        {
            await database.TransactAsync(shard, async (sql, token) =>
            {
                await queue.EnqueueAsync(sql, new NewJob(row.Id.Value, row.Provider, row.User.Value, row.Priority, Acceptance.JobPayload), token);
                return true;
            }, cancellationToken);
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
