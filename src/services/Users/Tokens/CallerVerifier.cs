using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Kernel.Tokens;
using SkyRiff.Users.SigningIn;

namespace SkyRiff.Users.Tokens;

/// <summary>
/// Proves access tokens for the services in this process: the signature once per token (one ES256 verification costs some 100 us, a hit well under
/// one), the session's state every few seconds. The token cache is keyed by the token's SHA-256, bounded, and never outlives the token.
/// </summary>
internal sealed class CallerVerifier(KeyRing keys, SessionStates sessions, TimeProvider time) : ICallerVerifier
{
    private const int EntriesMax = 50_000;

    private readonly AccessTokenVerifier _verifier = new(keys.Terms);
    private readonly ConcurrentDictionary<UInt128, (UserId User, SessionId Session, DateTimeOffset ExpiresAt, JsonWebKeys Keys)> _proven = new();

    public async ValueTask<Outcome<Caller>> VerifyAsync(string accessToken, CancellationToken cancellationToken)
    {
        return Prove(accessToken) is var (user, session) && await sessions.CallerAsync(session, user, cancellationToken) is { } caller
            ? caller
            : HttpProblems.Unauthenticated.Because("The access token is not valid (any more); POST /api/v1/auth/refresh gives a new one.");
    }

    private (UserId User, SessionId Session)? Prove(string accessToken)
    {
        if (accessToken.Length > AccessTokenVerifier.TokenLengthMax) return null;
        var now = time.GetUtcNow();
        var published = keys.Published;
        var key = KeyOf(accessToken);
        // A key that was withdrawn takes its tokens along: entries belong to the set of keys that proved them.
        if (_proven.TryGetValue(key, out var known) && known.ExpiresAt > now - TokenTerms.ClockSkew && ReferenceEquals(known.Keys, published)) return (known.User, known.Session);
        if (_verifier.Verify(accessToken, now, published, out _) is not { } token) return null;
        var (user, session) = (UserId.Of(token.Subject), SessionId.Of(token.Session));
        if (_proven.Count >= EntriesMax) _proven.Clear();
        _proven[key] = (user, session, token.ExpiresAt, published);
        return (user, session);
    }

    private static UInt128 KeyOf(string accessToken)
    {
        Span<byte> text = stackalloc byte[AccessTokenVerifier.TokenLengthMax * 3];
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(text[..Encoding.UTF8.GetBytes(accessToken, text)], hash);
        return BitConverter.ToUInt128(hash);
    }
}
