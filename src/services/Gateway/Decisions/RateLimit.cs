using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Hashing;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Where shared limits are counted.</summary>
internal sealed record LimitStore(RedisClient Redis, MonotonicClock Clock);

/// <summary>One named limit, counted per address, user or route. Keeps its counts over a reload that leaves it as it is.</summary>
internal sealed class RateLimit
{
    /// <summary>A longer user name is counted by its hash.</summary>
    private const int IdBytesMax = 128;

    private static readonly SipHash AddressHash = SipHash.Keyed(Kernel.Entropy.System);
    private readonly KeyedLimiter? _limiter;

    public RateLimit(LimitConfig config, LimitStore? store = null)
    {
        Config = config;
        Policy = new LimitPolicy(config.Name, config.Burst > 0 ? config.Burst : config.Count, config.Period);
        PolicyField = Encoding.ASCII.GetBytes(RateLimitFields.FormatPolicies([Policy]));
        if (config.Shared && store is not null)
        {
            var options = new SharedLimiterOptions { Name = config.Name, ShareWhenAway = config.Share, KeysMax = 1_000_000 };
            Shared = config.Burst > 0
                ? DeferredLimiter.Of(new TokenBucket(config.Burst, config.Count, config.Period), options, store.Redis, store.Clock)
                : DeferredLimiter.Of(new SlidingWindow((int)config.Count, config.Period), options, store.Redis, store.Clock);
            return;
        }
        _limiter = config.Burst > 0
            ? KeyedLimiter.Of(new TokenBucket(config.Burst, config.Count, config.Period), new())
            : KeyedLimiter.Of(new SlidingWindow((int)config.Count, config.Period), new());
    }

    public LimitConfig Config { get; }

    public LimitPolicy Policy { get; }

    public byte[] PolicyField { get; }

    /// <summary>Null when it is counted in this process alone.</summary>
    public DeferredLimiter? Shared { get; }

    /// <summary>Keys that are remembered in this process.</summary>
    public long Keys => _limiter?.Keys ?? Shared!.LocalTables[0].Keys;

    /// <summary>For operators: who counts.</summary>
    public string WhereCounted => Shared switch
    {
        null => "here",
        { IsAway: true } => "here, a share: Redis is away",
        _ => "in Redis, for all",
    };

    /// <summary>Gives memory of idle keys back; a full turn takes <paramref name="turns"/> sweeps.</summary>
    public void Sweep(long now, int turns)
    {
        foreach (var table in Shared?.LocalTables ?? [_limiter!]) table.Sweep(now, Math.Max(1, table.Shards / turns));
    }

    public LimitDecision Take(EdgeVerdict verdict, long now) => _limiter is not null ? _limiter.Take(KeyOf(verdict), 1, now) : TakeShared(verdict, now);

    /// <summary>By a name that is the same in every gateway: <c>a/192.0.2.1</c>, <c>a/2001:db8::</c> for a /64, <c>u/user</c>, <c>r/route</c>.</summary>
    private LimitDecision TakeShared(EdgeVerdict verdict, long now)
    {
        Span<byte> id = stackalloc byte[IdBytesMax + 2];
        id[1] = (byte)'/';
        ReadOnlySpan<byte> name = Config.By switch
        {
            LimitSubject.User when verdict.Identity is { } identity => identity.User,
            LimitSubject.Route => verdict.Route!.NameBytes,
            _ => default,
        };
        if (name.Length == 0)
        {
            id[0] = (byte)'a';
            var address = verdict.Client;
            return Shared!.Take(id[..(2 + (address.IsV4 ? address : new PeerAddress(address.Value >> 64 << 64)).Format(id[2..]))], now);
        }
        id[0] = Config.By == LimitSubject.User ? (byte)'u' : (byte)'r';
        if (name.Length > IdBytesMax)
        {
            System.Buffers.Text.Utf8Formatter.TryFormat(SipHash.Stable.Hash(name), id[2..], out var written, 'x');
            return Shared!.Take(id[..(2 + written)], now);
        }
        name.CopyTo(id[2..]);
        return Shared!.Take(id[..(2 + name.Length)], now);
    }

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
