using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// How a request becomes a queued generation although its credits are another service's: three commits, each of which says what is still owed.
/// <code>
///   1  videos    key claimed, row in Holding             died here: the caller's repetition, or the sweep, goes on with 2
///   2  payments  credits held, keyed by the generation   died here: 2 again answers the same hold
///   3  videos    row in Queued, job enqueued, reply kept died here: all done, the repetition gets the reply
/// </code>
/// Any number of callers may go on at once: the hold is one, the row leaves Holding once, and the reply that was stored first is everybody's.
/// A refused hold is first marked on the row, after which no helper can queue it, then at payments (a release of nothing, or of what a helper held
/// meanwhile), after which none can hold; then the row goes.
/// </summary>
internal sealed class Acceptance(VideosDatabase database, JobQueue queue, ICredits credits, GenerationRules rules, GenerationViews views, QueueView line, TimeProvider time)
{
    public const string JobPayload = "{}";

    /// <summary>Step 2 and 3 for a row in Holding.</summary>
    public async Task<Outcome<StoredReply>> ContinueAsync(GenerationRow row, CancellationToken cancellationToken)
    {
        OpenTransaction.Forbid("Holding credits");
        if (row.Job.IsWithdrawn)
        {
            await WithdrawAsync(row, cancellationToken);
            return Repeat();
        }
        if (row.Job.Phase is not Phase.Holding) return await ReplayAsync(row, cancellationToken);
        if (!(await credits.HoldAsync(row.User, row.Id, row.Quoted, cancellationToken)).TryGet(out var hold, out var refused))
        {
            if (await MarkAsync(row, cancellationToken) is not { } withdrawn) return await ReplayAsync(row, cancellationToken);
            Checkpoint.Reached("videos.withdrawing");
            await WithdrawAsync(withdrawn, cancellationToken);
            return refused;
        }
        Checkpoint.Reached("videos.held");

        var now = time.GetUtcNow();
        var next = row.Job.After(new GenerationEvent.Held(), now, rules) ?? throw new InvalidOperationException($"Generation {row.Id} is accepted from {row.Job.Phase}.");
        var queued = row with { Job = next, Held = hold.Credits, UpdatedAt = now };
        var reply = ApiJson.Reply(202, views.Of(queued, line.Ahead(row.Provider, row.Priority, turn: 0)));
        var stored = await database.TransactAsync(row.Id.Slot(), async (sql, token) =>
        {
            if (await GenerationStore.ChangeAsync(sql, row, queued, token) is null) return null;
            await queue.EnqueueAsync(sql, new NewJob(row.Id.Value, row.Provider, row.User.Value, row.Priority, JobPayload), token);
            return await IdempotencyLedger.StoreAsync(sql, row.User.Value, new IdempotencyKey(row.RequestKey, []), reply, token);
        }, cancellationToken);
        if (stored is null) return await ReplayAsync(row, cancellationToken);
        Checkpoint.Reached("videos.queued");
        views.Publish(queued);
        return stored;
    }

    /// <summary>Somebody else finished it: what was answered then is answered now.</summary>
    private async Task<Outcome<StoredReply>> ReplayAsync(GenerationRow row, CancellationToken cancellationToken) => await database.PrimaryAsync(row.Id.Slot(), (sql, token) => sql.FirstAsync($"""
        SELECT status, reply FROM videos.idempotency WHERE owner = {row.User} AND key = {row.RequestKey} AND reply IS NOT NULL
        """, answered => new StoredReply(answered.Short(0), answered.Bytes(1)), token), cancellationToken) is { } reply
        ? reply
        : Repeat();

    private static Problem Repeat() => HttpProblems.Unavailable.Because("The request is being worked on; repeat it with the same Idempotency-Key.") with { RetryAfter = TimeSpan.FromSeconds(1) };

    /// <summary>Null when somebody else has taken it on, or marked it, already.</summary>
    private Task<GenerationRow?> MarkAsync(GenerationRow row, CancellationToken cancellationToken) => database.TransactAsync(row.Id.Slot(), (sql, token) =>
        row.Job.After(new GenerationEvent.HoldRefused(), time.GetUtcNow(), rules) is { } withdrawn ? GenerationStore.ChangeAsync(sql, row, row with { Job = withdrawn }, token) : Task.FromResult<GenerationRow?>(null), cancellationToken);

    private async Task WithdrawAsync(GenerationRow row, CancellationToken cancellationToken)
    {
        await credits.ReleaseAsync(row.User, row.Id, cancellationToken);
        Checkpoint.Reached("videos.hold-refused");
        await database.TransactAsync(row.Id.Slot(), async (sql, token) =>
        {
            var withdrawn = await sql.ExecuteAsync($"DELETE FROM videos.generations WHERE id = {row.Id} AND phase = 'Holding' AND deadline IS NOT NULL", token);
            if (withdrawn == 0) return false;
            await sql.ExecuteAsync($"DELETE FROM videos.idempotency WHERE owner = {row.User} AND key = {row.RequestKey} AND reply IS NULL", token);
            await sql.ExecuteAsync($"UPDATE videos.daily_usage SET accepted = accepted - 1 WHERE user_id = {row.User} AND day = {DateOnly.FromDateTime(row.CreatedAt.UtcDateTime)} AND accepted > 0", token);
            return true;
        }, cancellationToken);
    }
}
