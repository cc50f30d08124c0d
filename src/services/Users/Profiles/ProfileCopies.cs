using System.Text.Json;
using System.Text.Json.Serialization;
using SkyRiff.Caching;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;
using SkyRiff.Users.Registering;

namespace SkyRiff.Users.Profiles;

/// <summary>What everybody may know of a user, and nothing else: what is kept in caches.</summary>
internal sealed record PublicUser(UserId Id, bool IsActive, string Handle, string DisplayName, string Bio, string? Avatar, DateTimeOffset CreatedAt)
{
    public static PublicUser Of(UserRow row) => new(row.Id, row.IsActive, row.Handle, row.DisplayName, row.Bio, row.Avatar, row.CreatedAt);
}

/// <summary>The user whom a handle leads to; whether there is one shows the user.</summary>
internal sealed record HandleHolder(UserId User);

/// <summary>
/// Profiles and handles in the cache. They hold what is public and are the same for every viewer; the account as its owner sees it never comes here. Copies are made
/// from primaries: after a change, a replica that lags must not give the old row a new life.
/// </summary>
internal sealed class ProfileCopies
{
    private readonly CacheFamily<UserId, PublicUser> _profiles;
    private readonly CacheFamily<string, HandleHolder> _handles;
    private readonly UserStore _users;

    public ProfileCopies(Cache cache, UserStore users, NameDirectory names)
    {
        _users = users;
        _profiles = cache.Family(new CacheFamilyOptions<UserId, PublicUser>
        {
            Name = "profiles",
            Load = LoadAsync,
            Payload = new JsonPayload<PublicUser>(UserJson.Instance.PublicUser),
            Lifetime = TimeSpan.FromMinutes(1),
        });
        _handles = cache.Family(new CacheFamilyOptions<string, HandleHolder>
        {
            Name = "handles",
            Load = CacheLoad.Each<string, HandleHolder>(async (handle, token) => await names.FindOnPrimaryAsync(NameDirectory.Handle, handle, token) is { } user ? new HandleHolder(user) : null),
            Payload = new JsonPayload<HandleHolder>(UserJson.Instance.HandleHolder),
            Lifetime = TimeSpan.FromMinutes(1),
        });
    }

    public async Task<PublicUser?> FindAsync(UserId id, CancellationToken cancellationToken) => await _profiles.GetAsync(id, cancellationToken);

    /// <summary>Those that exist.</summary>
    public async Task<IReadOnlyList<PublicUser>> FindAsync(IReadOnlyCollection<UserId> ids, CancellationToken cancellationToken) =>
        [.. (await _profiles.GetManyAsync([.. ids.Distinct()], cancellationToken)).OfType<PublicUser>()];

    /// <summary>The user with this handle; the handle is in its normal form.</summary>
    public async Task<PublicUser?> FindByHandleAsync(string handle, CancellationToken cancellationToken)
    {
        if (!RegisterUser.Handle().IsMatch(handle) || await _handles.GetAsync(handle, cancellationToken) is not { } holder) return null;
        return await FindAsync(holder.User, cancellationToken) is { } user && user.Handle == handle ? user : null;
    }

    /// <summary>After the commit of whatever changed the user; with the handle, where that was given or taken.</summary>
    public async Task ChangedAsync(UserId user, string? handle = null)
    {
        await _profiles.RemoveAsync(user, CancellationToken.None);
        if (handle is not null) await _handles.RemoveAsync(handle, CancellationToken.None);
    }

    private async Task<IReadOnlyDictionary<UserId, PublicUser>> LoadAsync(IReadOnlyList<UserId> ids, CancellationToken cancellationToken) =>
        (await _users.FindAsync(ids, cancellationToken)).ToDictionary(row => row.Id, PublicUser.Of);
}

/// <summary>How copies are written; raise the payload's version when old bytes cannot be read as what these types are now.</summary>
[JsonSerializable(typeof(PublicUser))]
[JsonSerializable(typeof(HandleHolder))]
[JsonSerializable(typeof(SigningIn.SessionState))]
internal sealed partial class UserJson : JsonSerializerContext
{
    public static UserJson Instance { get; } = new(new JsonSerializerOptions { Converters = { new TypedIdJson() } });
}
