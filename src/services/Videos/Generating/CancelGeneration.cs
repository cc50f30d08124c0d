using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// DELETE /generations/{id}: at any moment before the clip is paid for. The job is taken from whoever holds it (its fence changes), so nothing that a worker does
/// after the commit counts; then the credits go back. A process that dies in between leaves a job in Releasing, which a worker finishes.
/// </summary>
internal sealed class CancelGeneration(VideosDatabase database, GenerationStore store, JobQueue queue, Settlement settlement, GenerationRules rules, GenerationViews views, TimeProvider time) : IUseCase<GenerationView>
{
    /// <summary>How long a worker leaves the release to us.</summary>
    private static readonly TimeSpan HeadStart = TimeSpan.FromSeconds(5);

    public async Task<Outcome<GenerationView>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var user = UserId.Of(call.Caller.Subject);
        if (!call.RouteId<GenerationId>("id").TryGet(out var id, out _) || id.Slot() != user.Slot()) return VideoProblems.GenerationNotFound.Because("GET /api/v1/generations lists yours.");

        var taken = await database.TransactAsync<Outcome<Taken>>(id.Slot(), async (sql, token) =>
        {
            var lease = await queue.SupersedeAsync(sql, id.Value, HeadStart, token);
            var row = await sql.FirstAsync($"SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations WHERE id = {id} AND user_id = {user} FOR UPDATE", GenerationRow.Read, token);
            if (row is null) return VideoProblems.GenerationNotFound.Because("GET /api/v1/generations lists yours.");
            if (row.Job.Phase is Phase.Cancelled) return new Taken(row, null);
            if (row.Job.Phase is Phase.Releasing && row.Job.Failure is null) return new Taken(row, lease);
            if (lease is null || row.Job.After(new GenerationEvent.CancelRequested(), time.GetUtcNow(), rules) is not { } next) return TooLate(row);
            var releasing = await GenerationStore.ChangeAsync(sql, row, row with { Job = next }, token);
            return new Taken(releasing ?? throw new InvalidOperationException($"Generation {id} changed under its own lock."), lease);
        }, cancellationToken);
        if (!taken.TryGet(out var cancelling, out var problem)) return problem;
        Checkpoint.Reached("videos.cancelling");
        if (cancelling.Lease is not { } ours) return await views.OfAsync(cancelling.Row, cancellationToken);

        try
        {
            return await views.OfAsync(await settlement.ReleaseAsync(cancelling.Row, ours, cancellationToken), cancellationToken);
        }
        catch (DataException lost) when (lost.Failure is DataFailure.LeaseLost)
        {
            // A worker, or a second cancellation, finished it.
            return await views.OfAsync(await store.FindAsync(id, cancellationToken) ?? cancelling.Row, cancellationToken);
        }
    }

    private static Problem TooLate(GenerationRow row) => VideoProblems.TooLateToCancel.Because(
        row.Job.Phase is Phase.Holding ? "It is only just being accepted; try again in a moment." : "It is finished, or so close that the clip will be yours in a moment.");

    /// <param name="Lease">What the release is done under; null when there is nothing left to do.</param>
    private sealed record Taken(GenerationRow Row, Lease? Lease);
}
