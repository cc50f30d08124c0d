using SkyRiff.Caching;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Users.Profiles;

namespace SkyRiff.Users.SigningIn;

/// <summary>A session that is good, with its user's present roles.</summary>
internal sealed record SessionState(UserId User, string[] Roles);

/// <summary>
/// Whether sessions are still good and what their users may, from the cache. A session that ends through the API is invalidated everywhere at once. Whatever else
/// happens (a ban in the database, an invalidation that is lost), no copy is believed for longer than <see cref="StaleMax"/>, in no tier and not when the source
/// fails: a token outlives its session's end, and a role its withdrawal, by no more than that (and by what the clocks of two processes differ, which the promised 5 s leave room for).
/// </summary>
internal sealed class SessionStates
{
    public static readonly TimeSpan StaleMax = TimeSpan.FromSeconds(3);

    private readonly CacheFamily<SessionId, SessionState> _sessions;
    private readonly UsersDatabase _database;

    public SessionStates(Cache cache, UsersDatabase database)
    {
        _database = database;
        _sessions = cache.Family(new CacheFamilyOptions<SessionId, SessionState>
        {
            Name = "sessions",
            Load = LoadAsync,
            Payload = new JsonPayload<SessionState>(UserJson.Instance.SessionState),
            Lifetime = StaleMax,
            NegativeLifetime = StaleMax,
            StaleIfErrorMax = TimeSpan.Zero,
        });
    }

    /// <summary>Who calls; null when the session has ended or is not the user's. Roles are the user's present ones, whatever the token says.</summary>
    public async ValueTask<Caller?> CallerAsync(SessionId session, UserId user, CancellationToken cancellationToken) =>
        await _sessions.GetAsync(session, cancellationToken) is { } state && state.User == user ? new Caller(user.Value, session.Value, state.Roles) : null;

    /// <summary>After the commit of whatever ended it.</summary>
    public async Task EndedAsync(SessionId session) => await _sessions.RemoveAsync(session, CancellationToken.None);

    private async Task<IReadOnlyDictionary<SessionId, SessionState>> LoadAsync(IReadOnlyList<SessionId> sessions, CancellationToken cancellationToken)
    {
        var pages = await Task.WhenAll(sessions.GroupBy(session => _database.Map.ShardOf(session.Slot())).Select(group =>
        {
            var wanted = group.ToArray();
            return _database.PrimaryAsync(group.Key, (sql, token) => sql.ListAsync($"""
                SELECT s.id, s.user_id, u.roles FROM users.sessions s JOIN users.users u ON u.id = s.user_id
                 WHERE s.id = ANY({wanted}) AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active'
                """, row => KeyValuePair.Create(row.Id<SessionId>(0), new SessionState(row.Id<UserId>(1), row.Texts(2))), token), cancellationToken);
        }));
        return pages.SelectMany(page => page).ToDictionary();
    }
}
