using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Who calls, as proven by an access token.</summary>
/// <param name="Subject">The user's id.</param>
/// <param name="Session">The id of the session (device) that the token belongs to.</param>
/// <param name="Roles">Such as <c>admin</c>; mostly empty.</param>
public sealed record Caller(long Subject, long Session, IReadOnlyList<string> Roles)
{
    public bool Is(string role) => Roles.Contains(role);
}

/// <summary>Proves an access token; in role <c>all</c> and in the services.</summary>
public interface ICallerVerifier
{
    ValueTask<Outcome<Caller>> VerifyAsync(string accessToken, CancellationToken cancellationToken);
}
