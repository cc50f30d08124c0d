using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Tokens;
using SkyRiff.Users.Profiles;
using SkyRiff.Users.Tokens;

namespace SkyRiff.Users.SigningIn;

/// <summary>Opens sessions and makes the two tokens that a session's owner holds.</summary>
internal sealed class SignIns(KeyRing keys, RefreshTokens refreshTokens, UsersOptions options, TimeProvider time, Entropy entropy)
{
    private const int DeviceLengthMax = 120;

    /// <summary>A new session, in the caller's transaction on the user's slot.</summary>
    public async Task<SignedIn> OpenAsync(SqlSession sql, UserRow user, Call call, CancellationToken cancellationToken)
    {
        var slot = user.Id.Slot();
        var session = await sql.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Id<SessionId>(0), cancellationToken);
        var seed = new byte[RefreshTokens.SeedBytes];
        entropy.Fill(seed);
        var seconds = options.SessionLifetime.TotalSeconds;
        await sql.ExecuteAsync($"""
            INSERT INTO users.sessions (id, user_id, device, address, refresh_seed, expires_at)
            VALUES ({session}, {user.Id}, {Device(call)}, {call.Address.ToString()}, {seed}, now() + make_interval(secs => {seconds}))
            """, cancellationToken);
        await sql.ExecuteAsync($"""
            DELETE FROM users.sessions WHERE id IN (
              SELECT id FROM users.sessions WHERE user_id = {user.Id} ORDER BY revoked_at IS NULL DESC, last_seen_at DESC, id DESC OFFSET {options.SessionsMax})
            """, cancellationToken);
        return Answer(user, session, refreshTokens.Make(session, rotation: 0, seed), call);
    }

    /// <summary>The reply for a session whose refresh token is (now) <paramref name="refresh"/>; browsers get it as a cookie too.</summary>
    public SignedIn Answer(UserRow user, SessionId session, string refresh, Call call)
    {
        var now = time.GetUtcNow();
        var token = new AccessToken(user.Id.Value, session.Value, user.Roles, now, now + TokenTerms.Lifetime);
        RefreshCookie.Set(call.Http, refresh, options.SessionLifetime);
        return new SignedIn(Me.Of(user), keys.Sign(token, entropy.NextSecret(12)), (int)TokenTerms.Lifetime.TotalSeconds, refresh);
    }

    /// <summary>What the device list shows: the client's own words, cut and cleaned.</summary>
    private static string Device(Call call)
    {
        var agent = call.Http.Request.Headers.UserAgent.ToString();
        var clean = new string([.. agent.Where(character => !char.IsControl(character) && character < 0x7f).Take(DeviceLengthMax)]).Trim();
        return clean.Length == 0 ? "unknown device" : clean;
    }
}
