using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Videos.Generating;

/// <summary>The SQL of generations. Every change by a worker carries its lease: one that lost the job changes nothing.</summary>
internal sealed class GenerationStore(VideosDatabase database, JobQueue queue)
{
    private static readonly Sql.Verbatim Columns = Sql.Splice(GenerationRow.Columns);

    public Task<GenerationRow?> FindAsync(GenerationId id, CancellationToken cancellationToken) => database.PrimaryAsync(id.Slot(), (sql, token) =>
        sql.FirstAsync($"SELECT {Columns} FROM videos.generations WHERE id = {id}", GenerationRow.Read, token), cancellationToken);

    /// <summary>The user's own, or null: ids of others are not there.</summary>
    public async Task<GenerationRow?> FindAsync(GenerationId id, UserId owner, CancellationToken cancellationToken) =>
        id.Slot() == owner.Slot() && await FindAsync(id, cancellationToken) is { } row && row.User == owner ? row : null;

    public Task<List<GenerationRow>> ListAsync(UserId user, GenerationId? before, int limit, CancellationToken cancellationToken)
    {
        var bound = before?.Value ?? long.MaxValue;
        return database.PrimaryAsync(user.Slot(), (sql, token) => sql.ListAsync($"""
            SELECT {Columns} FROM videos.generations WHERE user_id = {user} AND id < {bound} AND phase <> 'Holding' ORDER BY id DESC LIMIT {limit}
            """, GenerationRow.Read, token), cancellationToken);
    }

    /// <summary>What is going on for a user, and what changed since.</summary>
    public Task<List<GenerationRow>> ChangedAsync(UserId user, DateTimeOffset? since, int limit, CancellationToken cancellationToken) => database.PrimaryAsync(user.Slot(), (sql, token) => sql.ListAsync($"""
        SELECT {Columns} FROM videos.generations
         WHERE user_id = {user} AND phase <> 'Holding' AND (updated_at > {since} OR phase NOT IN ('Ready', 'Failed', 'Cancelled'))
         ORDER BY id DESC LIMIT {limit}
        """, GenerationRow.Read, token), cancellationToken);

    /// <summary>
    /// The transition of a job in hand: the row must still be in the phase that the decision was made from, and the lease must hold. In the same transaction
    /// the holding ends where the machine says so: over for good, or again after a wait.
    /// </summary>
    /// <exception cref="DataException"><see cref="DataFailure.LeaseLost"/>.</exception>
    public Task<GenerationRow> AdvanceAsync(GenerationRow from, GenerationRow to, Lease lease, TimeSpan? giveUpFor, CancellationToken cancellationToken) => database.TransactAsync(from.Id.Slot(), async (sql, token) =>
    {
        await queue.VerifyAsync(sql, lease, token);
        var row = await ChangeAsync(sql, from, to, token) ?? throw new DataException(DataFailure.LeaseLost, $"Generation {from.Id} is no longer {from.Job.Phase}.");
        if (to.Job.IsOver) await queue.FinishAsync(sql, lease, to.Job.Phase.ToString(), token);
        else if (giveUpFor is { } wait) await queue.RescheduleAsync(sql, lease, wait, countAttempt: false, to.Job.Failure?.Detail, token);
        Checkpoint.Reached($"videos.{to.Job.Phase.ToString().ToLowerInvariant()}.before-commit");
        return row;
    }, cancellationToken);

    /// <summary>The change itself, in the caller's transaction; null when the row is not as expected. Whoever calls holds the lease, or took it away.</summary>
    public static async Task<GenerationRow?> ChangeAsync(SqlSession sql, GenerationRow from, GenerationRow to, CancellationToken cancellationToken)
    {
        var job = to.Job;
        var manifest = to.Manifest is null ? null : ApiJson.Text(to.Manifest);
        var row = await sql.FirstAsync($"""
            UPDATE videos.generations
               SET phase = {job.Phase.ToString()}, failure_class = {job.Failure?.Class.ToString()}, failure_detail = {job.Failure?.Detail}, deadline = {job.Deadline},
                   queued_deadline = {job.QueuedDeadline}, provider_job = {job.ProviderJob}, submissions = {job.Submissions}, bad_outputs = {job.BadOutputs},
                   transients = {job.Transients}, submitted_at = {to.SubmittedAt}, progress = {to.Progress}, preview_key = {to.PreviewKey}, manifest = {manifest}::jsonb,
                   held = {to.Held}, captured = {to.Captured}, released = {to.Released}, updated_at = clock_timestamp()
             WHERE id = {from.Id} AND phase = {from.Job.Phase.ToString()} AND submissions = {from.Job.Submissions} AND deadline IS NOT DISTINCT FROM {from.Job.Deadline}
            RETURNING {Columns}
            """, GenerationRow.Read, cancellationToken);
        if (row is not null && job.IsOver)
        {
            await Outbox.AppendAsync(sql, Topics.GenerationFinished, row.User.Value, ApiJson.Text(new GenerationFinished(row.Id, row.User, job.Phase.ToString().ToLowerInvariant())), cancellationToken);
        }
        return row;
    }

    /// <summary>Progress inside a phase, now and then; lost ones are no matter, so it is one statement and no proof of its own beyond the fence.</summary>
    public Task<int> ReportAsync(GenerationRow row, double progress, string? previewKey, Lease lease, CancellationToken cancellationToken) => database.PrimaryAsync(row.Id.Slot(), (sql, token) => sql.ExecuteAsync($"""
        UPDATE videos.generations SET progress = {progress}, preview_key = coalesce({previewKey}, preview_key), updated_at = clock_timestamp()
         WHERE id = {row.Id} AND phase = {row.Job.Phase.ToString()} AND {queue.Holds(lease)}
        """, token), cancellationToken);

    /// <summary>
    /// Which of the provider's jobs that look like this generation's is its own: none that another generation has, and where several generations with the same wish wait
    /// for theirs, each takes the one of its rank, so that no two take the same. Null when that cannot be told yet. Asks every shard: only unanswered create calls come here.
    /// </summary>
    /// <param name="jobs">Oldest first, listed before this call: a generation that got its job since then no longer counts as waiting, nor does its job as free.</param>
    public async Task<string?> ChooseAsync(GenerationRow row, IReadOnlyList<string> jobs, CancellationToken cancellationToken)
    {
        var taken = new HashSet<string>();
        var waiting = new List<(DateTimeOffset Since, GenerationId Id)>();
        foreach (var shard in database.Map.Shards)
        {
            var found = await database.PrimaryAsync(shard, (sql, token) => sql.ListAsync($"""
                SELECT id, provider_job, submitted_at FROM videos.generations WHERE provider_job = ANY({jobs.ToArray()}) AND provider = {row.Provider}
                UNION ALL
                SELECT id, NULL, submitted_at FROM videos.generations
                 WHERE phase = 'Submitting' AND provider = {row.Provider} AND model = {row.Model} AND prompt = {row.Prompt} AND seconds = {row.Seconds} AND width = {row.Size.Width} AND height = {row.Size.Height}
                """, read => (Id: read.Id<GenerationId>(0), Job: read.TextOrNull(1), Since: read.TimeOrNull(2)), token), cancellationToken);
            taken.UnionWith(found.Select(each => each.Job).OfType<string>());
            waiting.AddRange(found.Where(each => each.Job is null).Select(each => (each.Since ?? DateTimeOffset.MinValue, each.Id)));
        }
        var free = jobs.Where(job => !taken.Contains(job)).ToList();
        var rank = waiting.OrderBy(each => each.Since).ThenBy(each => each.Id.Value).ToList().FindIndex(each => each.Id == row.Id);
        return rank >= 0 && free.Count >= waiting.Count ? free[rank] : null;
    }
}
