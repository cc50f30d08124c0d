using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Playback;

namespace SkyRiff.Videos.Publishing;

/// <summary>PATCH /works/{id}, for its owner: what is absent stays.</summary>
internal sealed class ChangeWork(VideosDatabase database, WorkViews views, WorkCopies copies, MediaAccess access) : IUseCase<ChangeWork.Request, WorkView>
{
    internal sealed record Request(string? Title = null, string? Description = null, IReadOnlyList<string>? Tags = null, string? Visibility = null);

    public async Task<Outcome<WorkView>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var check = new Check();
        WorkRules.Check(check, request.Title, request.Description, request.Tags, request.Visibility);
        if (check.Problem is { } invalid) return invalid;

        var user = UserId.Of(call.Caller.Subject);
        var missing = VideoProblems.WorkNotFound.Because("No such work of yours.");
        if (!call.RouteId<WorkId>("id").TryGet(out var id, out _) || id.Slot() != user.Slot()) return missing;
        var tags = request.Tags is null ? null : WorkRules.Normal(request.Tags);
        var row = await database.TransactAsync(id.Slot(), async (sql, token) =>
        {
            var changed = await sql.FirstAsync($"""
                UPDATE videos.works
                   SET title = coalesce({request.Title?.Trim()}::text, title), description = coalesce({request.Description?.Trim()}::text, description),
                       tags = coalesce({tags}::text[], tags), visibility = coalesce({request.Visibility}::text, visibility), updated_at = now()
                 WHERE id = {id} AND user_id = {user}
                RETURNING {Sql.Splice(WorkRow.Columns)}
                """, WorkRow.Read, token);
            if (changed is not null) await Outbox.AppendAsync(sql, Topics.WorkChanged, user.Value, ApiJson.Text(new WorkChanged(id, user)), token);
            return changed;
        }, cancellationToken);
        if (row is null) return missing;
        access.Forget(row.Generation);
        await copies.ChangedAsync(id, user, row.Visibility is "public");
        return (await views.OfAsync([row], user, cancellationToken))[0];
    }
}

/// <summary>DELETE /works/{id}, for its owner: the work goes, the generation and its receipt stay.</summary>
internal sealed class DeleteWork(VideosDatabase database, WorkCopies copies, MediaAccess access) : IUseCase<Done>
{
    public async Task<Outcome<Done>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var user = UserId.Of(call.Caller.Subject);
        var missing = VideoProblems.WorkNotFound.Because("No such work of yours.");
        if (!call.RouteId<WorkId>("id").TryGet(out var id, out _) || id.Slot() != user.Slot()) return missing;
        var generation = await database.TransactAsync(id.Slot(), async (sql, token) =>
        {
            var deleted = await sql.FirstAsync($"DELETE FROM videos.works WHERE id = {id} AND user_id = {user} RETURNING generation_id", row => (GenerationId?)row.Id<GenerationId>(0), token);
            if (deleted is null) return null;
            await sql.ExecuteAsync($"UPDATE videos.generations SET work_id = NULL, updated_at = clock_timestamp() WHERE id = {deleted.Value}", token);
            await Outbox.AppendAsync(sql, Topics.WorkDeleted, user.Value, ApiJson.Text(new WorkDeleted(id, user)), token);
            return deleted;
        }, cancellationToken);
        if (generation is null) return missing;
        access.Forget(generation.Value);
        await copies.ChangedAsync(id, user, isPublic: false);
        return new Done();
    }
}
