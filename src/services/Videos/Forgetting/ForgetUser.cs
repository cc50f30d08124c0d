using System.Text.Json;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Objects;
using SkyRiff.Videos.Avatars;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Playback;
using SkyRiff.Videos.Publishing;

namespace SkyRiff.Videos.Forgetting;

/// <summary>
/// A user was deleted: what they published goes, what is being made is cancelled and its credits go back, every file goes, and prompts are forgotten. The generations
/// stay as receipts that say nothing. Every step may be done again, and the event comes again until the last one, which marks it as handled, is committed; it
/// also comes again while a generation is still ending, since its files and its prompt are in use until then.
/// </summary>
internal sealed class ForgetUser(VideosDatabase database, JobQueue queue, GenerationRules rules, IObjectStore objects, MediaAccess access, WorkCopies copies, TimeProvider time) : IEventConsumer
{
    private const int PageMax = 200;

    public string Name => "videos.forget_user";

    public IReadOnlySet<string> Topics { get; } = new HashSet<string> { Contracts.Topics.UserDeleted };

    public async Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken)
    {
        var user = (JsonSerializer.Deserialize<UserDeleted>(envelope.Payload, ApiJson.Options) ?? throw new InvalidOperationException($"Event {envelope.Id} has no content.")).User;
        if (await WasHandledAsync(user, envelope.Id, cancellationToken)) return;

        await UnpublishAsync(user, cancellationToken);
        await CancelAsync(user, cancellationToken);
        await DeleteFilesAsync(user, cancellationToken);
        var ending = await FinishAsync(user, envelope.Id, cancellationToken);
        if (ending > 0) throw new InvalidOperationException($"{ending} generations of the deleted user {user} are still ending; the event comes again.");
    }

    private Task<bool> WasHandledAsync(UserId user, long eventId, CancellationToken cancellationToken) => database.PrimaryAsync(user.Slot(), (sql, token) =>
        sql.SingleAsync($"SELECT EXISTS (SELECT FROM videos.inbox WHERE consumer = {Name} AND event_id = {eventId})", row => row.Bool(0), token), cancellationToken);

    private async Task UnpublishAsync(UserId user, CancellationToken cancellationToken)
    {
        while (true)
        {
            var dark = await database.TransactAsync(user.Slot(), async (sql, token) =>
            {
                var works = await sql.ListAsync($"""
                    DELETE FROM videos.works WHERE id = ANY(ARRAY(SELECT id FROM videos.works WHERE user_id = {user} LIMIT {PageMax})) RETURNING id, generation_id
                    """, row => (Id: row.Id<WorkId>(0), Generation: row.Id<GenerationId>(1)), token);
                var generations = works.Select(work => work.Generation).ToArray();
                await sql.ExecuteAsync($"UPDATE videos.generations SET work_id = NULL, updated_at = clock_timestamp() WHERE id = ANY({generations})", token);
                foreach (var work in works) await Outbox.AppendAsync(sql, Contracts.Topics.WorkDeleted, user.Value, ApiJson.Text(new WorkDeleted(work.Id, user)), token);
                return works;
            }, cancellationToken);
            foreach (var (work, generation) in dark)
            {
                access.Forget(generation);
                await copies.ChangedAsync(work, user, isPublic: false);
            }
            if (dark.Count < PageMax) return;
        }
    }

    /// <summary>The job is taken from whoever holds it; a worker gives the credits back, as after the user's own cancellation.</summary>
    private async Task CancelAsync(UserId user, CancellationToken cancellationToken)
    {
        var unfinished = await database.PrimaryAsync(user.Slot(), (sql, token) => sql.ListAsync($"""
            SELECT id FROM videos.generations WHERE user_id = {user} AND phase NOT IN ('Ready', 'Failed', 'Cancelled') LIMIT {PageMax}
            """, row => row.Id<GenerationId>(0), token), cancellationToken);
        foreach (var id in unfinished)
        {
            await database.TransactAsync(id.Slot(), async (sql, token) =>
            {
                var lease = await queue.SupersedeAsync(sql, id.Value, TimeSpan.Zero, token);
                var row = await sql.FirstAsync($"SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations WHERE id = {id} FOR UPDATE", GenerationRow.Read, token);
                if (lease is null || row?.Job.After(new GenerationEvent.CancelRequested(), time.GetUtcNow(), rules) is not { } next) return;
                await GenerationStore.ChangeAsync(sql, row, row with { Job = next }, token);
            }, cancellationToken);
        }
    }

    private async Task DeleteFilesAsync(UserId user, CancellationToken cancellationToken)
    {
        await DeleteAllAsync(AvatarPictures.PrefixOf(user), cancellationToken);
        await DeleteAllAsync(ObjectPrefix.Of($"{ReferenceImages.Prefix}{user}/"), cancellationToken);
        var after = 0L;
        while (true)
        {
            var page = await database.PrimaryAsync(user.Slot(), (sql, token) => sql.ListAsync($"""
                SELECT id FROM videos.generations WHERE user_id = {user} AND id > {after} AND phase IN ('Ready', 'Failed', 'Cancelled') ORDER BY id LIMIT {PageMax}
                """, row => row.Id<GenerationId>(0), token), cancellationToken);
            foreach (var id in page) await DeleteAllAsync(ObjectPrefix.Of(GenerationRow.PrefixOf(id) + "/"), cancellationToken);
            if (page.Count < PageMax) return;
            after = page[^1].Value;
        }
    }

    private async Task DeleteAllAsync(ObjectPrefix prefix, CancellationToken cancellationToken)
    {
        await foreach (var stored in objects.ListAsync(prefix, storedBefore: null, cancellationToken)) await objects.DeleteAsync(stored.Key, cancellationToken);
    }

    /// <summary>Forgets the words of what is over (replies that were kept for repetitions have them too). Answers how many generations are not; with none, the event is handled.</summary>
    private Task<long> FinishAsync(UserId user, long eventId, CancellationToken cancellationToken) => database.TransactAsync(user.Slot(), async (sql, token) =>
    {
        await sql.ExecuteAsync($"""
            UPDATE videos.generations SET prompt = '', reference_key = NULL, preview_key = NULL, failure_detail = CASE WHEN failure_class IS NULL THEN NULL ELSE '' END, updated_at = clock_timestamp()
             WHERE user_id = {user} AND phase IN ('Ready', 'Failed', 'Cancelled') AND (prompt <> '' OR reference_key IS NOT NULL)
            """, token);
        var ending = await sql.SingleAsync($"SELECT count(*) FROM videos.generations WHERE user_id = {user} AND phase NOT IN ('Ready', 'Failed', 'Cancelled')", row => row.Long(0), token);
        if (ending > 0) return ending;
        await sql.ExecuteAsync($"DELETE FROM videos.idempotency WHERE owner = {user}", token);
        await Inbox.FirstTimeAsync(sql, Name, eventId, token);
        return 0;
    }, cancellationToken);
}
