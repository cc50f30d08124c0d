using System.Collections.Concurrent;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// Whether sessions are still good and what their users may, remembered for <see cref="StaleMax"/>: a token outlives its session's end (logout, revocation,
/// ban) and a role its withdrawal by no more than that. Bounded: past <see cref="EntriesMax"/> everything is forgotten and asked again.
/// </summary>
internal sealed class SessionStates(UsersDatabase database, TimeProvider time)
{
    public static readonly TimeSpan StaleMax = TimeSpan.FromSeconds(3);
    private const int EntriesMax = 200_000;

    private readonly ConcurrentDictionary<SessionId, (Caller? Caller, long At)> _known = new();

    /// <summary>Who calls; null when the session has ended or is not the user's. Roles are the user's present ones, whatever the token says.</summary>
    public async ValueTask<Caller?> CallerAsync(SessionId session, UserId user, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        if (_known.TryGetValue(session, out var known) && time.GetElapsedTime(known.At, now) < StaleMax) return known.Caller?.Subject == user.Value ? known.Caller : null;
        var roles = await database.PrimaryAsync(session.Slot(), (sql, token) => sql.FirstAsync($"""
            SELECT u.roles FROM users.sessions s JOIN users.users u ON u.id = s.user_id
             WHERE s.id = {session} AND s.user_id = {user} AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active'
            """, row => row.Texts(0), token), cancellationToken);
        var caller = roles is null ? null : new Caller(user.Value, session.Value, roles);
        if (_known.Count >= EntriesMax) _known.Clear();
        _known[session] = (caller, now);
        return caller;
    }

    public void Forget(SessionId session) => _known.TryRemove(session, out _);
}
