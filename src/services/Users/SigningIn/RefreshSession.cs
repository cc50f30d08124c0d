using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// POST /auth/refresh: trades the session's one good refresh token for the next. A token of ours that was traded before is a stolen copy, or its
/// owner's after the theft; nobody can tell, so the session ends (RFC 9700 section 4.14.2).
/// </summary>
internal sealed class RefreshSession(UsersDatabase database, RefreshTokens refreshTokens, SignIns signIns, SessionStates states, UsersOptions options) : IUseCase<RefreshSession.Request, SignedIn>
{
    internal sealed record Request(string? RefreshToken = null);

    public async Task<Outcome<SignedIn>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var refused = UserProblems.BadRefreshToken.Because("Sign in again.");
        if (refreshTokens.Parse(request.RefreshToken ?? RefreshCookie.Read(call.Http)) is not { } old) return refused;

        var (next, hash) = refreshTokens.Make(old.Session, old.Rotation + 1);
        var seconds = options.SessionLifetime.TotalSeconds;
        var user = await database.PrimaryAsync(old.Session.Slot(), (sql, token) => sql.FirstAsync($"""
            WITH rotated AS (
              UPDATE users.sessions SET rotation = rotation + 1, refresh_hash = {hash}, last_seen_at = now(), expires_at = now() + make_interval(secs => {seconds})
               WHERE id = {old.Session} AND rotation = {old.Rotation} AND refresh_hash = {old.Hash} AND revoked_at IS NULL AND expires_at > now()
                 AND EXISTS (SELECT FROM users.users u WHERE u.id = user_id AND u.status = 'active')
              RETURNING user_id)
            SELECT {Sql.Splice(UserRow.Columns)} FROM users.users WHERE id = (SELECT user_id FROM rotated)
            """, UserRow.Read, token), cancellationToken);
        if (user is not null) return signIns.Answer(user, old.Session, next, call);

        var reused = await database.PrimaryAsync(old.Session.Slot(), (sql, token) => sql.ExecuteAsync($"""
            UPDATE users.sessions SET revoked_at = now(), revoked_why = 'reuse'
             WHERE id = {old.Session} AND rotation > {old.Rotation} AND revoked_at IS NULL
            """, token), cancellationToken);
        if (reused == 1) states.Forget(old.Session);
        RefreshCookie.Clear(call.Http);
        return refused;
    }
}
