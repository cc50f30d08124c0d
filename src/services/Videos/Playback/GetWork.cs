using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Publishing;

namespace SkyRiff.Videos.Playback;

/// <summary>GET /works/{id}: everybody's if public or unlisted, else the owner's.</summary>
internal sealed class GetWork(WorkCopies copies, WorkViews views) : IUseCase<WorkView>
{
    public async Task<Outcome<WorkView>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var missing = VideoProblems.WorkNotFound.Because("No such work, or it is private.");
        if (!call.RouteId<WorkId>("id").TryGet(out var id, out _)) return missing;
        var viewer = call.MaybeCaller is { } caller ? UserId.Of(caller.Subject) : (UserId?)null;
        // The copy is the same for everybody; what this viewer may see of it is decided here, each time.
        var row = await copies.FindAsync(id, cancellationToken);
        if (row is null || !row.IsVisibleTo(viewer)) return missing;
        return (await views.OfAsync([row], viewer, cancellationToken)) is [var view] ? view : missing;
    }
}

/// <summary>For profiles.</summary>
internal sealed class WorkCountsOfUsers(WorkCopies copies) : IWorkCounts
{
    public Task<long> OfAsync(UserId user, CancellationToken cancellationToken) => copies.CountAsync(user, cancellationToken);
}
