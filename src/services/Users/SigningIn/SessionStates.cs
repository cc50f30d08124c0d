using System.Collections.Concurrent;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// Whether sessions are still good, remembered for <see cref="StaleMax"/>: a token outlives its session's end (logout, revocation, ban) by no more
/// than that. Bounded: past <see cref="EntriesMax"/> everything is forgotten and asked again.
/// </summary>
internal sealed class SessionStates(UsersDatabase database, TimeProvider time)
{
    public static readonly TimeSpan StaleMax = TimeSpan.FromSeconds(3);
    private const int EntriesMax = 200_000;

    private readonly ConcurrentDictionary<SessionId, (bool Good, long At)> _known = new();

    public async ValueTask<bool> IsGoodAsync(SessionId session, UserId user, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        if (_known.TryGetValue(session, out var known) && time.GetElapsedTime(known.At, now) < StaleMax) return known.Good;
        var good = await database.PrimaryAsync(session.Slot(), (sql, token) => sql.SingleAsync($"""
            SELECT EXISTS (SELECT FROM users.sessions s JOIN users.users u ON u.id = s.user_id
                            WHERE s.id = {session} AND s.user_id = {user} AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active')
            """, row => row.Bool(0), token), cancellationToken);
        if (_known.Count >= EntriesMax) _known.Clear();
        _known[session] = (good, now);
        return good;
    }

    public void Forget(SessionId session) => _known.TryRemove(session, out _);
}
