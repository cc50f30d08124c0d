using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users.SigningIn;

/// <summary>POST /auth/refresh: trades the session's refresh token for the next one, as <see cref="RefreshRule"/> says. The session's row is locked meanwhile, so of parallel trades one rotates.</summary>
internal sealed class RefreshSession(UsersDatabase database, RefreshTokens refreshTokens, SignIns signIns, SessionStates states, UsersOptions options) : IUseCase<RefreshSession.Request, SignedIn>
{
    internal sealed record Request(string? RefreshToken = null);

    public async Task<Outcome<SignedIn>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var old = refreshTokens.Parse(request.RefreshToken ?? RefreshCookie.Read(call.Http));
        var traded = old is not null
            ? await database.TransactAsync(old.Session.Slot(), (sql, token) => TradeAsync(sql, old, token), cancellationToken)
            : new Trade(null, null, Reused: false);
        if (traded is { User: { } user, Successor: { } successor }) return signIns.Answer(user, old!.Session, successor, call);

        if (traded.Reused) await states.EndedAsync(old!.Session);
        if (request.RefreshToken is null) RefreshCookie.Clear(call.Http);
        return UserProblems.BadRefreshToken.Because("Sign in again.");
    }

    private sealed record Trade(UserRow? User, string? Successor, bool Reused);

    private sealed record Stored(UserId User, int Rotation, byte[] Seed, double SecondsSinceRotation);

    private async Task<Trade> TradeAsync(SqlSession sql, RefreshTokens.Parsed old, CancellationToken cancellationToken)
    {
        var refused = new Trade(null, null, Reused: false);
        var session = await sql.FirstAsync($"""
            SELECT user_id, rotation, refresh_seed, extract(epoch FROM clock_timestamp() - rotated_at)::float8 FROM users.sessions
             WHERE id = {old.Session} AND revoked_at IS NULL AND expires_at > now() FOR UPDATE
            """, row => new Stored(row.Id<UserId>(0), row.Int(1), row.Bytes(2), row.Double(3)), cancellationToken);
        if (session is null || !old.IsOf(session.Seed)) return refused;
        var user = await sql.FirstAsync($"SELECT {Sql.Splice(UserRow.Columns)} FROM users.users WHERE id = {session.User} AND status = 'active'", UserRow.Read, cancellationToken);
        if (user is null) return refused;

        switch (RefreshRule.Judge(session.Rotation, old.Rotation, TimeSpan.FromSeconds(session.SecondsSinceRotation), options.RefreshLeeway))
        {
            case RefreshVerdict.Rotate:
                var seconds = options.SessionLifetime.TotalSeconds;
                await sql.ExecuteAsync($"""
                    UPDATE users.sessions
                       SET rotation = rotation + 1, rotated_at = clock_timestamp(), last_seen_at = now(), expires_at = now() + make_interval(secs => {seconds})
                     WHERE id = {old.Session}
                    """, cancellationToken);
                return new Trade(user, refreshTokens.Make(old.Session, old.Rotation + 1, session.Seed), Reused: false);
            case RefreshVerdict.Repeat:
                return new Trade(user, refreshTokens.Make(old.Session, session.Rotation, session.Seed), Reused: false);
            case RefreshVerdict.Reused:
                await sql.ExecuteAsync($"UPDATE users.sessions SET revoked_at = now(), revoked_why = 'reuse' WHERE id = {old.Session}", cancellationToken);
                return new Trade(null, null, Reused: true);
            default:
                return refused;
        }
    }
}
