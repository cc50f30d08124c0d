using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Playback;

namespace SkyRiff.Videos.Publishing;

/// <summary>POST /works: a ready generation becomes a work, once.</summary>
internal sealed class PublishWork(VideosDatabase database, IProfiles profiles, WorkViews views, WorkCopies copies, MediaAccess access) : IUseCase<PublishWork.Request, StoredReply>
{
    internal sealed record Request(GenerationId GenerationId, string Title, string Visibility, string? Description = null, IReadOnlyList<string>? Tags = null);

    public async Task<Outcome<StoredReply>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var check = new Check();
        WorkRules.Check(check, request.Title, request.Description, request.Tags, request.Visibility);
        if (check.Problem is { } invalid) return invalid;

        var user = UserId.Of(call.Caller.Subject);
        var generation = request.GenerationId;
        if (generation.Slot() != user.Slot()) return VideoProblems.GenerationNotFound.Because("GET /api/v1/generations lists yours.");
        var author = (await profiles.OfAsync([user], cancellationToken)).GetValueOrDefault(user) ?? throw new InvalidOperationException($"User {user} is signed in but has no profile.");

        WorkRow? made = null;
        var outcome = await database.TransactAsync<Outcome<StoredReply>>(user.Slot(), async (sql, token) =>
        {
            switch (await IdempotencyLedger.ClaimAsync(sql, user.Value, call.Key, token))
            {
                case IdempotencyClaim.Replay replay: return replay.Reply;
                case not IdempotencyClaim.Fresh: return HttpProblems.IdempotencyKeyReused.Because("Use a new key for a new request.");
            }
            var row = await sql.FirstAsync($"SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations WHERE id = {generation} AND user_id = {user} AND phase <> 'Holding' FOR UPDATE", GenerationRow.Read, token);
            if (row is null) return VideoProblems.GenerationNotFound.Because("GET /api/v1/generations lists yours.");
            if (row.Work is { } published) return VideoProblems.AlreadyPublished.Because($"It is work {published}; change that one.");
            if (row.Job.Phase is not Phase.Ready) return VideoProblems.NotReady.Because($"Only a ready generation can be published; this one is {row.Job.Phase.ToString().ToLowerInvariant()}.");

            var manifest = ApiJson.Text(row.Manifest);
            var work = await sql.SingleAsync($"""
                INSERT INTO videos.works (id, user_id, generation_id, title, description, tags, visibility, prompt, model, manifest)
                VALUES (skyriff.next_id({user.Slot()}), {user}, {generation}, {request.Title.Trim()}, {request.Description?.Trim() ?? ""}, {WorkRules.Normal(request.Tags)}, {request.Visibility}, {row.Prompt}, {row.Model}, {manifest}::jsonb)
                RETURNING {Sql.Splice(WorkRow.Columns)}
                """, WorkRow.Read, token);
            await sql.ExecuteAsync($"UPDATE videos.generations SET work_id = {work.Id}, updated_at = clock_timestamp() WHERE id = {generation}", token);
            await Outbox.AppendAsync(sql, Topics.WorkPublished, user.Value, ApiJson.Text(new WorkPublished(work.Id, user)), token);
            made = work;
            return await IdempotencyLedger.StoreAsync(sql, user.Value, call.Key, ApiJson.Reply(201, views.Of(work, author, WorkLikes.None, user)), token);
        }, cancellationToken);
        access.Forget(generation);
        if (outcome.Succeeded && made is not null) await copies.ChangedAsync(made.Id, user, made.Visibility is "public");
        return outcome;
    }
}
