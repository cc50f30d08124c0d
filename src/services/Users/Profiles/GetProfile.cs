using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Users.Registering;

namespace SkyRiff.Users.Profiles;

/// <summary>GET /users/{idOrHandle}: an id is all digits, a handle begins with a letter.</summary>
internal sealed class GetProfile(UserStore users, NameDirectory names, IWorkCounts works) : IUseCase<Profile>
{
    public async Task<Outcome<Profile>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (await FindAsync(call.RouteText("idOrHandle"), cancellationToken) is not { IsActive: true } user) return UserProblems.UserNotFound.Because("Nobody goes by this id or handle.");
        var counts = new ProfileCounts(await works.OfAsync(user.Id, cancellationToken), Followers: 0, Following: 0);
        return new Profile(user.Id, user.Handle, user.DisplayName, user.Bio, user.Avatar, user.CreatedAt, counts, call.MaybeCaller is null ? null : new ProfileViewer(Following: false));
    }

    private async Task<UserRow?> FindAsync(string idOrHandle, CancellationToken cancellationToken)
    {
        if (TypedId.TryParse<UserId>(idOrHandle, out var id)) return await users.FindAsync(id, cancellationToken);
        var handle = idOrHandle.ToLowerInvariant();
        if (!RegisterUser.Handle().IsMatch(handle) || await names.FindAsync(NameDirectory.Handle, handle, cancellationToken) is not { } found) return null;
        return await users.FindAsync(found, cancellationToken) is { } user && user.Handle == handle ? user : null;
    }
}
