using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Resilience.Hashing;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Gateway.Decisions;

/// <summary>One named limit, counted per address, user or route. Keeps its counts over a reload that leaves it as it is.</summary>
internal sealed class RateLimit
{
    private static readonly SipHash AddressHash = SipHash.Keyed(Kernel.Entropy.System);
    private readonly KeyedLimiter _limiter;

    public RateLimit(LimitConfig config)
    {
        Config = config;
        Policy = new LimitPolicy(config.Name, config.Burst > 0 ? config.Burst : config.Count, config.Period);
        PolicyField = Encoding.ASCII.GetBytes(RateLimitFields.FormatPolicies([Policy]));
        _limiter = config.Burst > 0
            ? KeyedLimiter.Of(new TokenBucket(config.Burst, config.Count, config.Period), new())
            : KeyedLimiter.Of(new SlidingWindow((int)config.Count, config.Period), new());
    }

    public LimitConfig Config { get; }

    public LimitPolicy Policy { get; }

    public byte[] PolicyField { get; }

    /// <summary>Keys that are remembered in this process.</summary>
    public long Keys => _limiter.Keys;

    /// <summary>For operators: who counts.</summary>
    public string WhereCounted => "here";

    /// <summary>Gives memory of idle keys back; a full turn takes <paramref name="turns"/> sweeps.</summary>
    public void Sweep(long now, int turns) => _limiter.Sweep(now, Math.Max(1, _limiter.Shards / turns));

    public LimitDecision Take(EdgeVerdict verdict, long now) => _limiter.Take(KeyOf(verdict), 1, now);

    private LimitKey KeyOf(EdgeVerdict verdict) => Config.By switch
    {
        LimitSubject.User => verdict.Identity is { } identity ? new(AddressHash.Hash(identity.Hash, 1)) : AddressKey(verdict.Client),
        LimitSubject.Route => LimitKey.Of(verdict.Route!.Index, 0),
        _ => AddressKey(verdict.Client),
    };

    /// <summary>An IPv6 client is its /64: that is what one customer is given, and can roam in.</summary>
    private static LimitKey AddressKey(PeerAddress address) =>
        new(address.IsV4 ? AddressHash.Hash((ulong)address.Value, 4) : AddressHash.Hash((ulong)(address.Value >> 64), 6));
}
