using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Publishing;

namespace SkyRiff.Videos.Playback;

/// <summary>GET /works/{id}: everybody's if public or unlisted, else the owner's.</summary>
internal sealed class GetWork(VideosDatabase database, WorkViews views) : IUseCase<WorkView>
{
    public async Task<Outcome<WorkView>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var missing = VideoProblems.WorkNotFound.Because("No such work, or it is private.");
        if (!call.RouteId<WorkId>("id").TryGet(out var id, out _)) return missing;
        var viewer = call.MaybeCaller is { } caller ? UserId.Of(caller.Subject) : (UserId?)null;
        var row = await database.ReadAsync(id.Slot(), (sql, token) => sql.FirstAsync($"SELECT {Sql.Splice(WorkRow.Columns)} FROM videos.works WHERE id = {id}", WorkRow.Read, token), cancellationToken);
        if (row is null || !row.IsVisibleTo(viewer)) return missing;
        return (await views.OfAsync([row], viewer, cancellationToken)) is [var view] ? view : missing;
    }
}

/// <summary>For profiles.</summary>
internal sealed class WorkCountsOfUsers(VideosDatabase database) : IWorkCounts
{
    public Task<long> OfAsync(UserId user, CancellationToken cancellationToken) => database.ReadAsync(user.Slot(), (sql, token) =>
        sql.SingleAsync($"SELECT count(*) FROM videos.works WHERE user_id = {user} AND visibility = 'public'", row => row.Long(0), token), cancellationToken);
}
