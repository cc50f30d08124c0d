namespace SkyRiff.Users;

/// <summary>Section <c>Users</c>.</summary>
internal sealed class UsersOptions
{
    /// <summary>PBKDF2-SHA-512 rounds for new passwords, 210,000 (OWASP) or more; older hashes are renewed at the next sign-in.</summary>
    public int PasswordRounds { get; set; } = 210_000;

    /// <summary>How many passwords are hashed at once; one costs some 100 ms of a core. 0: half the cores.</summary>
    public int PasswordHashesAtOnce { get; set; }

    /// <summary>How many wait for that; the next one is told to come back.</summary>
    public int PasswordQueueMax { get; set; } = 200;

    /// <summary>A session that is not refreshed for this long ends; 1 h to 365 days.</summary>
    public TimeSpan SessionLifetime { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Sessions (devices) per user; signing in on one more ends the one that was idle longest.</summary>
    public int SessionsMax { get; set; } = 50;

    /// <summary>
    /// A refresh token that was traded less than this ago may be traded again, for the same successor; 0 to 60 s. 0 is strict, as the API promises: any reuse ends the
    /// session. More is for clients that cannot keep their refreshes apart; the web app can (Web Locks).
    /// </summary>
    public TimeSpan RefreshLeeway { get; set; } = TimeSpan.Zero;

    /// <summary>Failed sign-ins per account within <see cref="FailedSignInsPeriod"/> before it must wait; ones that succeed do not count. 5 to 10,000.</summary>
    public int FailedSignInsPerAccount { get; set; } = 30;

    /// <summary>The same per client address (IPv6: per /64), which many people may share; 5 to 100,000.</summary>
    public int FailedSignInsPerAddress { get; set; } = 200;

    /// <summary>How long it takes until as many may fail again; 1 min to 1 day.</summary>
    public TimeSpan FailedSignInsPeriod { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>A name stays reserved this long for a registration in progress; 5 s to 10 min.</summary>
    public TimeSpan ReservationLifetime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>A signing key signs this long; 1 day to 365 days. Its successor is published <see cref="KeyOverlap"/> before that.</summary>
    public TimeSpan KeyLifetime { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long before it signs, and after it stopped, a key is published; longer than a token lives.</summary>
    public TimeSpan KeyOverlap { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The tokens' <c>iss</c>.</summary>
    public string Issuer { get; set; } = "skyriff";

    /// <summary>The tokens' <c>aud</c>.</summary>
    public string Audience { get; set; } = "skyriff-api";

    public IEnumerable<string> Validate()
    {
        if (PasswordRounds is < 210_000 or > 10_000_000) yield return $"Users:PasswordRounds is {PasswordRounds}; 210000 to 10000000 are possible.";
        if (PasswordHashesAtOnce is < 0 or > 256) yield return $"Users:PasswordHashesAtOnce is {PasswordHashesAtOnce}; 0 to 256 are possible.";
        if (PasswordQueueMax is < 1 or > 100_000) yield return $"Users:PasswordQueueMax is {PasswordQueueMax}; 1 to 100000 are possible.";
        if (SessionLifetime < TimeSpan.FromHours(1) || SessionLifetime > TimeSpan.FromDays(365)) yield return $"Users:SessionLifetime is {SessionLifetime}; 1 h to 365 days are possible.";
        if (SessionsMax is < 1 or > 1000) yield return $"Users:SessionsMax is {SessionsMax}; 1 to 1000 are possible.";
        if (RefreshLeeway < TimeSpan.Zero || RefreshLeeway > TimeSpan.FromSeconds(60)) yield return $"Users:RefreshLeeway is {RefreshLeeway}; 0 to 60 s are possible.";
        if (FailedSignInsPerAccount is < 5 or > 10_000) yield return $"Users:FailedSignInsPerAccount is {FailedSignInsPerAccount}; 5 to 10000 are possible.";
        if (FailedSignInsPerAddress is < 5 or > 100_000) yield return $"Users:FailedSignInsPerAddress is {FailedSignInsPerAddress}; 5 to 100000 are possible.";
        if (FailedSignInsPeriod < TimeSpan.FromMinutes(1) || FailedSignInsPeriod > TimeSpan.FromDays(1)) yield return $"Users:FailedSignInsPeriod is {FailedSignInsPeriod}; 1 min to 1 day are possible.";
        if (ReservationLifetime < TimeSpan.FromSeconds(5) || ReservationLifetime > TimeSpan.FromMinutes(10)) yield return $"Users:ReservationLifetime is {ReservationLifetime}; 5 s to 10 min are possible.";
        if (KeyLifetime < TimeSpan.FromDays(1) || KeyLifetime > TimeSpan.FromDays(365)) yield return $"Users:KeyLifetime is {KeyLifetime}; 1 to 365 days are possible.";
        if (KeyOverlap < TimeSpan.FromMinutes(20) || KeyOverlap >= KeyLifetime) yield return $"Users:KeyOverlap is {KeyOverlap}; 20 min to less than KeyLifetime are possible.";
        if (Issuer.Length is 0 or > 200) yield return "Users:Issuer has 1 to 200 characters.";
        if (Audience.Length is 0 or > 200) yield return "Users:Audience has 1 to 200 characters.";
    }
}
