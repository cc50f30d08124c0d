namespace SkyRiff.Kernel.Tokens;

/// <summary>What an access token says, once proven.</summary>
public sealed record AccessToken(long Subject, long Session, IReadOnlyList<string> Roles, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>Who makes tokens and for whom; a token for another audience is worthless here (RFC 8725 section 3.9).</summary>
public sealed record TokenTerms(string Issuer, string Audience)
{
    /// <summary>Explicit type (RFC 9068), so that no other JWT of ours can pass for an access token.</summary>
    public const string Type = "at+jwt";

    /// <summary>How far two clocks may disagree.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);
}

/// <summary>Why a token was refused; for metrics and logs, not for the caller.</summary>
public enum TokenFault
{
    None,
    Malformed,
    Algorithm,
    Type,
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Expired,
    NotYetValid,
}
