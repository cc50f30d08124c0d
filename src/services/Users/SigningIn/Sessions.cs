using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users.SigningIn;

/// <summary>POST /auth/logout: ends the caller's session; its refresh token is worthless at once, its access token within <see cref="SessionStates.StaleMax"/>.</summary>
internal sealed class LogOut(SessionStore sessions) : IUseCase<Done>
{
    public async Task<Outcome<Done>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        await sessions.RevokeAsync(UserId.Of(call.Caller.Subject), SessionId.Of(call.Caller.Session), "logout", cancellationToken);
        RefreshCookie.Clear(call.Http);
        return new Done();
    }
}

/// <summary>GET /auth/sessions: the devices that are signed in.</summary>
internal sealed class ListSessions(UsersDatabase database) : IUseCase<ListReply<ListSessions.Session>>
{
    internal sealed record Session(SessionId Id, string Device, string Address, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, bool Current);

    public async Task<Outcome<ListReply<Session>>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.Page("sessions").TryGet(out var page, out var problem)) return problem;
        var user = UserId.Of(call.Caller.Subject);
        var after = page.After is null ? long.MaxValue : long.Parse(page.After);
        var rows = await database.PrimaryAsync(user.Slot(), (sql, token) => sql.ListAsync($"""
            SELECT id, device, address, created_at, last_seen_at, expires_at FROM users.sessions
             WHERE user_id = {user} AND id < {after} AND revoked_at IS NULL AND expires_at > now()
             ORDER BY id DESC LIMIT {page.Limit + 1}
            """, row => new Session(row.Id<SessionId>(0), row.Text(1), row.Text(2), row.Time(3), row.Time(4), row.Time(5), row.Long(0) == call.Caller.Session), token), cancellationToken);
        var items = rows.Take(page.Limit).ToList();
        return call.List("sessions", items, rows.Count > page.Limit ? items[^1].Id.Value.ToString() : null);
    }
}

/// <summary>DELETE /auth/sessions/{id}.</summary>
internal sealed class RevokeSession(SessionStore sessions) : IUseCase<Done>
{
    public async Task<Outcome<Done>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var user = UserId.Of(call.Caller.Subject);
        // A session lives in its user's slot: any other id is somebody else's or nobody's.
        if (!call.RouteId<SessionId>("id").TryGet(out var session, out _) || session.Slot() != user.Slot() || !await sessions.RevokeAsync(user, session, "revoked", cancellationToken))
        {
            return UserProblems.SessionNotFound.Because("GET /auth/sessions lists yours.");
        }
        return new Done();
    }
}

internal sealed class SessionStore(UsersDatabase database, SessionStates states)
{
    /// <summary>Ends one of the user's sessions; false when there is none (any more).</summary>
    public async Task<bool> RevokeAsync(UserId user, SessionId session, string why, CancellationToken cancellationToken)
    {
        var revoked = await database.PrimaryAsync(user.Slot(), (sql, token) => sql.ExecuteAsync($"""
            UPDATE users.sessions SET revoked_at = now(), revoked_why = {why} WHERE id = {session} AND user_id = {user} AND revoked_at IS NULL
            """, token), cancellationToken);
        await states.EndedAsync(session);
        return revoked == 1;
    }
}
