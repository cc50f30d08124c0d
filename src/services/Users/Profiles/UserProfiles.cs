using SkyRiff.Contracts;
using SkyRiff.Users.Registering;

namespace SkyRiff.Users.Profiles;

/// <summary>The contract for services that show who made something.</summary>
internal sealed class UserProfiles(UserStore users, NameDirectory names) : IProfiles
{
    private const int UsersMax = 100;

    public async Task<IReadOnlyDictionary<UserId, Author>> OfAsync(IReadOnlyCollection<UserId> ids, CancellationToken cancellationToken)
    {
        if (ids.Count > UsersMax) throw new ArgumentException($"At most {UsersMax} users at once.", nameof(ids));
        if (ids.Count == 0) return new Dictionary<UserId, Author>();
        var rows = await users.FindAsync(ids, cancellationToken);
        return rows.ToDictionary(row => row.Id, row => new Author(row.Id, row.Handle, row.DisplayName, row.Avatar));
    }

    public async Task<UserId?> FindAsync(string handle, CancellationToken cancellationToken)
    {
        var normal = handle.ToLowerInvariant();
        if (!RegisterUser.Handle().IsMatch(normal) || await names.FindAsync(NameDirectory.Handle, normal, cancellationToken) is not { } id) return null;
        return await users.FindAsync(id, cancellationToken) is { IsActive: true } user && user.Handle == normal ? id : null;
    }
}
