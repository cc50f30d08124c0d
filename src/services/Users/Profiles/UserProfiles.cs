using SkyRiff.Contracts;

namespace SkyRiff.Users.Profiles;

/// <summary>The contract for services that show who made something.</summary>
internal sealed class UserProfiles(ProfileCopies copies) : IProfiles
{
    private const int UsersMax = 100;

    public async Task<IReadOnlyDictionary<UserId, Author>> OfAsync(IReadOnlyCollection<UserId> ids, CancellationToken cancellationToken)
    {
        if (ids.Count > UsersMax) throw new ArgumentException($"At most {UsersMax} users at once.", nameof(ids));
        if (ids.Count == 0) return new Dictionary<UserId, Author>();
        var users = await copies.FindAsync(ids, cancellationToken);
        return users.ToDictionary(user => user.Id, user => new Author(user.Id, user.Handle, user.DisplayName, user.Avatar));
    }

    public async Task<UserId?> FindAsync(string handle, CancellationToken cancellationToken) =>
        await copies.FindByHandleAsync(handle.ToLowerInvariant(), cancellationToken) is { IsActive: true } user ? user.Id : null;
}
