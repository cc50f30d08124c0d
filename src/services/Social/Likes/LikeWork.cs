using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Social.Likes;

/// <summary>What a like, and taking it back, answer: how the work stands now.</summary>
internal sealed record LikeReply(long Likes, bool Liked);

/// <summary>PUT /works/{id}/like: needs no Idempotency-Key, since there is one like per work and user or none.</summary>
internal sealed class LikeWork(SocialDatabase database, IWorks works) : IUseCase<LikeReply>
{
    public Task<Outcome<LikeReply>> HandleAsync(Call call, CancellationToken cancellationToken) => LikeChange.MakeAsync(database, works, call, LikeStore.AddAsync, cancellationToken);
}

/// <summary>DELETE /works/{id}/like.</summary>
internal sealed class UnlikeWork(SocialDatabase database, IWorks works) : IUseCase<LikeReply>
{
    public Task<Outcome<LikeReply>> HandleAsync(Call call, CancellationToken cancellationToken) => LikeChange.MakeAsync(database, works, call, LikeStore.RemoveAsync, cancellationToken);
}

/// <summary>The way that a like and its end have in common.</summary>
internal static class LikeChange
{
    public static async Task<Outcome<LikeReply>> MakeAsync(
        SocialDatabase database, IWorks works, Call call, Func<SqlSession, WorkId, UserId, CancellationToken, Task> change, CancellationToken cancellationToken)
    {
        var missing = WorkProblems.NotFound.Because("No such work, or it is private.");
        var user = UserId.Of(call.Caller.Subject);
        if (!call.RouteId<WorkId>("id").TryGet(out var work, out _) || !await works.IsVisibleAsync(work, user, cancellationToken)) return missing;
        var now = await database.PrimaryAsync(work.Slot(), async (sql, token) =>
        {
            await change(sql, work, user, token);
            // A statement of its own: it sees what others committed while this change waited for them.
            return (await LikeStore.CountAsync(sql, [work], user, token)).SingleOrDefault().Value ?? WorkLikes.None;
        }, cancellationToken);
        return new LikeReply(now.Likes, now.Liked);
    }
}
