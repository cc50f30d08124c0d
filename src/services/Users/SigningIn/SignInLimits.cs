using System.Net;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// Slows guessing of passwords down: failed sign-ins are counted per account and per client address, in this process. Refused attempts cost no hash. Whoever
/// guesses at an account can keep its owner from signing in anew for as long as it lasts (not from the sessions that are open); that is the price of
/// protecting the account against guesses from many addresses.
/// </summary>
internal sealed class SignInLimits
{
    private const int AccountsMax = 200_000;
    private const int AddressesMax = 200_000;

    private readonly MonotonicClock _clock;
    private readonly LimitPolicy _accountPolicy;
    private readonly LimitPolicy _addressPolicy;
    private readonly KeyedLimiter _accounts;
    private readonly KeyedLimiter _addresses;

    public SignInLimits(UsersOptions options, TimeProvider time)
    {
        _clock = new MonotonicClock(time);
        _accountPolicy = new LimitPolicy("failed-sign-ins-account", options.FailedSignInsPerAccount, options.FailedSignInsPeriod);
        _addressPolicy = new LimitPolicy("failed-sign-ins-address", options.FailedSignInsPerAddress, options.FailedSignInsPeriod);
        _accounts = KeyedLimiter.Of(Bucket(_accountPolicy), new KeyedLimiterOptions { KeysMax = AccountsMax });
        _addresses = KeyedLimiter.Of(Bucket(_addressPolicy), new KeyedLimiterOptions { KeysMax = AddressesMax });
    }

    /// <summary>For the sweeper.</summary>
    public IReadOnlyList<KeyedLimiter> Limiters => [_accounts, _addresses];

    internal readonly record struct Attempt(LimitKey Account, LimitKey Address);

    /// <summary>Who tries: the account, by whichever of its names; a name that is nobody's is limited like one that is.</summary>
    public Attempt AttemptOf(UserId? user, string login, IPAddress address) =>
        new(user is { } id ? LimitKey.Of(id.Value) : LimitKey.Of(login.AsSpan()), LimitKey.Of(address));

    /// <summary>Counts an attempt, or answers why it may not be made now.</summary>
    public Problem? Take(Attempt attempt)
    {
        var now = _clock.Now;
        var address = _addresses.Take(attempt.Address, 1, now);
        if (!address.IsAllowed) return Refused(_addressPolicy, address);
        var account = _accounts.Take(attempt.Account, 1, now);
        if (account.IsAllowed) return null;
        _addresses.GiveBack(attempt.Address, 1, now);
        return Refused(_accountPolicy, account);
    }

    /// <summary>The attempt was right: it does not count.</summary>
    public void GiveBack(Attempt attempt)
    {
        var now = _clock.Now;
        _accounts.GiveBack(attempt.Account, 1, now);
        _addresses.GiveBack(attempt.Address, 1, now);
    }

    private static TokenBucket Bucket(LimitPolicy policy) => new(policy.Quota, policy.Quota, policy.Window);

    private static Problem Refused(LimitPolicy policy, LimitDecision decision) => UserProblems.TooManyAttempts.Because("Too many attempts failed; wait, or use a device that is signed in.") with
    {
        RetryAfter = decision.RetryAfter,
        Headers =
        [
            KeyValuePair.Create(RateLimitFields.PolicyName, RateLimitFields.FormatPolicies([policy])),
            KeyValuePair.Create(RateLimitFields.LimitName, RateLimitFields.FormatLimit(policy, decision)),
        ],
    };
}
