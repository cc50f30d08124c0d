using System.Security.Cryptography;
using System.Text;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// Password hashes: PBKDF2 with HMAC-SHA-512 (RFC 8018), in the form <c>$pbkdf2-sha512$i=210000$salt$hash</c>. A hash costs a core some 100 ms,
/// so only a few run at once, a bounded number wait, and the rest are told to come back.
/// </summary>
internal sealed class Passwords(UsersOptions options)
{
    private const int SaltBytes = 16;
    private const int HashBytes = 64;
    private const string Scheme = "$pbkdf2-sha512$i=";
    private static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _running = new(options.PasswordHashesAtOnce > 0 ? options.PasswordHashesAtOnce : Math.Max(1, Environment.ProcessorCount / 2));
    private readonly string _decoy = Format(options.PasswordRounds, new byte[SaltBytes], new byte[HashBytes]);
    private int _waiting;
    private long _derived;

    /// <summary>How many hashes were computed.</summary>
    public long Derived => Interlocked.Read(ref _derived);

    public async Task<Outcome<string>> HashAsync(string password, CancellationToken cancellationToken)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        var derived = await DeriveAsync(password, salt, options.PasswordRounds, cancellationToken);
        return derived.Map(hash => Format(options.PasswordRounds, salt, hash));
    }

    /// <summary>Whether the password fits. A user who is not there is compared with a decoy, so that both answers take the same work.</summary>
    public async Task<Outcome<bool>> FitsAsync(string password, string? stored, CancellationToken cancellationToken)
    {
        var (rounds, salt, hash) = Parse(stored ?? _decoy);
        var derived = await DeriveAsync(password, salt, rounds, cancellationToken);
        return derived.Map(candidate => CryptographicOperations.FixedTimeEquals(candidate, hash) && stored is not null);
    }

    /// <summary>True when the hash was made with fewer rounds than today's.</summary>
    public bool IsOutdated(string stored) => Parse(stored).Rounds < options.PasswordRounds;

    private async Task<Outcome<byte[]>> DeriveAsync(string password, byte[] salt, int rounds, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _waiting) > options.PasswordQueueMax)
        {
            Interlocked.Decrement(ref _waiting);
            return UserProblems.Busy.Because("Many are signing in; try again in a moment.") with { RetryAfter = ComeBackAfter };
        }
        try
        {
            await _running.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        Interlocked.Increment(ref _derived);
        try
        {
            return await Task.Run(() => Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, rounds, HashAlgorithmName.SHA512, HashBytes), cancellationToken);
        }
        finally
        {
            _running.Release();
        }
    }

    private static string Format(int rounds, byte[] salt, byte[] hash) => $"{Scheme}{rounds}${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}";

    private static (int Rounds, byte[] Salt, byte[] Hash) Parse(string stored)
    {
        var parts = stored.StartsWith(Scheme, StringComparison.Ordinal) ? stored[Scheme.Length..].Split('$') : [];
        return parts.Length == 3
            ? (int.Parse(parts[0]), Convert.FromBase64String(parts[1]), Convert.FromBase64String(parts[2]))
            : throw new InvalidOperationException("A stored password hash has an unknown form.");
    }
}
