using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users.Profiles;

/// <summary>GET /users/{idOrHandle}: an id is all digits, a handle begins with a letter.</summary>
internal sealed class GetProfile(ProfileCopies copies, IWorkCounts works) : IUseCase<Profile>
{
    public async Task<Outcome<Profile>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (await FindAsync(call.RouteText("idOrHandle"), cancellationToken) is not { IsActive: true } user) return UserProblems.UserNotFound.Because("Nobody goes by this id or handle.");
        var counts = new ProfileCounts(await works.OfAsync(user.Id, cancellationToken), Followers: 0, Following: 0);
        return new Profile(user.Id, user.Handle, user.DisplayName, user.Bio, user.Avatar, user.CreatedAt, counts, call.MaybeCaller is null ? null : new ProfileViewer(Following: false));
    }

    private Task<PublicUser?> FindAsync(string idOrHandle, CancellationToken cancellationToken) => TypedId.TryParse<UserId>(idOrHandle, out var id)
        ? copies.FindAsync(id, cancellationToken)
        : copies.FindByHandleAsync(idOrHandle.ToLowerInvariant(), cancellationToken);
}
