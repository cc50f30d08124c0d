using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Objects;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// Takes one generation from where it stands to its end, a phase at a time: do the phase's work, let the state machine say what follows, commit that under
/// the lease, go on. Whatever is cut short is done again by the next holder from the committed phase.
/// </summary>
internal sealed class GenerationWorker(
    VideosDatabase database, GenerationStore store, JobQueue queue, Settlement settlement, ModelCatalog catalog, GenerationRules rules, PhaseWork work, WaitEstimate estimate,
    GenerationViews views, MediaOptions media, IObjectStore objects, TimeProvider time, Entropy entropy, ILogger<GenerationWorker> logger) : IJobHandler
{
    /// <summary>Added to waits, so that jobs that failed together do not come back together.</summary>
    private const double JitterShare = 0.25;

    /// <summary>Submissions whose intent this process has committed and whose create call it has yet to make; entries live for a moment.</summary>
    private readonly ConcurrentDictionary<(Lease Lease, int Submission), bool> _submitting = new();

    public async Task HandleAsync(LeasedJob job, CancellationToken lost)
    {
        var id = GenerationId.Of(job.Id);
        if (await store.FindAsync(id, lost) is not { Job.IsOver: false } row)
        {
            await database.TransactAsync(id.Slot(), async (sql, token) =>
            {
                await queue.FinishAsync(sql, job.Lease, "gone", token);
                return true;
            }, lost);
            return;
        }

        var began = time.GetTimestamp();
        using var scratch = Scratch.New(media.ScratchRoot, entropy);
        try
        {
            while (!row.Job.IsOver)
            {
                var next = await StepAsync(row, job, scratch, lost);
                if (next is null) return; // put off
                row = next;
            }
            if (row.Job.Phase is Phase.Ready) estimate.Learn(row.Model, row.Seconds, time.GetElapsedTime(began));
        }
        catch (Exception interrupted) when (interrupted is OperationCanceledException || interrupted is DataException { Failure: DataFailure.LeaseLost })
        {
            await CleanAfterLossAsync(id);
            throw;
        }
    }

    /// <summary>Out of attempts: what is still open is given up, and the sweep sends a fresh job to settle it.</summary>
    public async Task ExhaustedAsync(SqlSession session, LeasedJob job, string error, CancellationToken cancellationToken)
    {
        var id = GenerationId.Of(job.Id);
        var row = await session.FirstAsync($"SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations WHERE id = {id} FOR UPDATE", GenerationRow.Read, cancellationToken);
        logger.LogError("Generation {Generation} failed in all attempts: {Error}", id, error);
        if (row?.Job.After(new GenerationEvent.Failed(new Failure(FailureClass.Lost, "Making the clip failed on our side.")), time.GetUtcNow(), rules) is { } next)
        {
            await GenerationStore.ChangeAsync(session, row, row with { Job = next }, cancellationToken);
        }
    }

    /// <summary>One phase; null when the job was put back into the queue.</summary>
    private async Task<GenerationRow?> StepAsync(GenerationRow row, LeasedJob job, Scratch scratch, CancellationToken lost)
    {
        switch (row.Job.Phase)
        {
            case Phase.Capturing:
                return await settlement.CaptureAsync(row, job.Lease, lost);
            case Phase.Releasing:
                return await settlement.ReleaseAsync(row, job.Lease, lost);
        }

        var (changed, next) = await DecideAsync(row, job, scratch, lost);
        TimeSpan? putOff = next.Phase is Phase.Queued && next.Wait > TimeSpan.Zero ? Jittered(next.Wait) : null;
        var advanced = await store.AdvanceAsync(row, changed with { Job = next, Progress = ProgressAt(next.Phase, changed.Progress) }, job.Lease, putOff, lost);
        Checkpoint.Reached("videos." + next.Phase.ToString().ToLowerInvariant());
        if (row.Job.ProviderJob is not null && next.ProviderJob is null) await settlement.ForgetAsync(row, lost); // or a search for the next submission would find this one
        if (next.Phase is Phase.Submitting) _submitting.TryAdd((job.Lease, next.Submissions), true);
        views.Publish(advanced);
        if (putOff is not null) return null;
        if (next.Wait > TimeSpan.Zero) await job.WaitAsync(Jittered(next.Wait), time, lost);
        return advanced;
    }

    /// <summary>The phase's work within its deadline, and what the machine makes of how it went.</summary>
    private async Task<(GenerationRow Row, GenerationJob Next)> DecideAsync(GenerationRow row, LeasedJob job, Scratch scratch, CancellationToken lost)
    {
        if (row.Job.AfterDeadline(time.GetUtcNow()) is { } overdue) return (row, overdue);
        using var deadline = new CancellationTokenSource(Remaining(row), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lost, deadline.Token);
        try
        {
            var (changed, what) = await PerformAsync(row, job, scratch, either.Token);
            if (what is GenerationEvent.Failed failed) logger.LogInformation("Generation {Generation} in {Phase}: {Class}, {Detail}", row.Id, row.Job.Phase, failed.Failure.Class, failed.Failure.Detail);
            return (changed, changed.Job.After(what, time.GetUtcNow(), rules) ?? throw new InvalidOperationException($"{what} in {row.Job.Phase} means nothing."));
        }
        catch (OperationCanceledException late) when (deadline.IsCancellationRequested && !lost.IsCancellationRequested)
        {
            return (row, row.Job.AfterDeadline(row.Job.Deadline ?? time.GetUtcNow()) ?? throw new InvalidOperationException($"{row.Job.Phase} has no deadline.", late));
        }
    }

    private async Task<(GenerationRow Row, GenerationEvent What)> PerformAsync(GenerationRow row, LeasedJob job, Scratch scratch, CancellationToken token)
    {
        if (catalog.ProviderOf(row.Provider) is not { } provider)
        {
            return (row, new GenerationEvent.Failed(new Failure(FailureClass.InvalidRequest, $"The provider {row.Provider} is no longer configured.")));
        }
        return row.Job.Phase switch
        {
            Phase.Queued => (row with { SubmittedAt = time.GetUtcNow() }, new GenerationEvent.Submitting()),
            Phase.Submitting => (row, await work.SubmitAsync(row, provider, isFirst: JustSubmitted(row, job), job, scratch, token)),
            Phase.Running => (row, await work.FollowAsync(row, provider, job, token)),
            Phase.Fetching => (row, await work.FetchAsync(row, provider, scratch, token)),
            Phase.Checking => (row, await work.CheckAsync(row, provider, scratch, token)),
            Phase.Packaging => await work.PackageAsync(row, provider, job, scratch, token),
            _ => throw new InvalidOperationException($"{row.Job.Phase} is no phase of work."),
        };
    }

    /// <summary>
    /// Whether the create call may be made: only by the holder that itself has just committed Submitting. Whoever finds a row in that phase cannot know
    /// whether the call went out, and reconciles.
    /// </summary>
    private bool JustSubmitted(GenerationRow row, LeasedJob job) => _submitting.TryRemove((job.Lease, row.Job.Submissions), out _);

    private TimeSpan Remaining(GenerationRow row)
    {
        if (row.Job.Deadline is not { } deadline) return Timeout.InfiniteTimeSpan;
        var left = deadline - time.GetUtcNow();
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private TimeSpan Jittered(TimeSpan wait) => wait * (1 + (JitterShare * entropy.NextDouble()));

    /// <summary>What a phase has reached when it begins; the work in it moves on from there.</summary>
    private static double ProgressAt(Phase phase, double soFar) => phase switch
    {
        Phase.Queued => 0,
        Phase.Submitting => 0.02,
        Phase.Running => 0.05,
        Phase.Fetching => PhaseWork.RunningEndsAt,
        Phase.Checking => 0.58,
        Phase.Packaging => PhaseWork.PackagingBeginsAt,
        Phase.Capturing => 0.99,
        _ => soFar,
    };

    /// <summary>Whoever took the job away may have cleaned up before our last file was stored.</summary>
    private async Task CleanAfterLossAsync(GenerationId id)
    {
        try
        {
            if (await store.FindAsync(id, CancellationToken.None) is not { } over || over.KeptFiles() is not { } kept) return;
            await foreach (var left in objects.ListAsync(ObjectPrefix.Of(over.KeyPrefix + "/"), storedBefore: null, CancellationToken.None))
            {
                if (!kept.Contains(left.Key.Value)) await objects.DeleteAsync(left.Key, CancellationToken.None);
            }
        }
        catch (Exception failure) when (failure is DataException or ObjectStoreException)
        {
            logger.LogWarning("Files of generation {Generation} are left to the sweep: {Reason}", id, failure.Message);
        }
    }
}
