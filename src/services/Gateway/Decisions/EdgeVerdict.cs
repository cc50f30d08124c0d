using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Gateway.Decisions;

/// <summary>What the edge decided about one request. Reused: a front holds one per request in flight, so that deciding allocates nothing.</summary>
internal sealed class EdgeVerdict
{
    private static readonly string[] RefusalCodes = [.. Enum.GetValues<Refusal>().Select(r => "gateway." + Refusals.CodeOf(r))];

    internal PathCaptures Captures;

    private CacheCall? _cacheCall;

    /// <summary>What decided; heads are written by it too.</summary>
    public EdgeSnapshot? Snapshot { get; set; }

    public Route? Route { get; set; }

    /// <summary>Which of the route's clusters serves it; null when the gateway answers itself.</summary>
    public Arm? Arm { get; set; }

    public bool IsCanary { get; set; }

    /// <summary>Where it goes now; the next attempt may choose another.</summary>
    public Target? Target { get; set; }

    /// <summary>What consistent hashing goes by.</summary>
    public ulong HashKey { get; set; }

    /// <summary>The target to remember in the client's sticky cookie.</summary>
    public bool SetSticky { get; set; }

    /// <summary>Whom experiments are assigned to: the user, or whom the cookie remembers.</summary>
    public ulong Subject { get; set; }

    /// <summary>The subject is new, and is told to the client in a cookie.</summary>
    public bool SetSubject { get; set; }

    /// <summary>How long the answer is waited for: the route's time, or less when a trusted proxy says that it waits less.</summary>
    public TimeSpan Timeout { get; set; }

    /// <summary>What is left of the route's time when that is not all of it: this is not the first attempt, or a trusted proxy waits less. 0: all of it.</summary>
    public long RemainingMilliseconds { get; set; }

    /// <summary>0: forward. Otherwise the gateway answers itself.</summary>
    public int Status { get; private set; }

    /// <summary>The stable code of the problem document.</summary>
    public string Code { get; private set; } = "";

    public string Detail { get; private set; } = "";

    /// <summary>Seconds for <c>Retry-After</c>; 0 for none.</summary>
    public long RetryAfter { get; set; }

    public PeerAddress Client { get; set; }

    /// <summary>The client came by TLS, here or at a trusted proxy.</summary>
    public bool IsHttps { get; set; }

    public TraceContext Trace { get; set; }

    public Identity? Identity { get; set; }

    public ReadOnlySpan<byte> User => Identity is { } identity ? identity.User : default;

    /// <summary>The limit that has the least left, which the reply tells.</summary>
    public RateLimit? Limit { get; set; }

    public LimitDecision LimitDecision { get; set; }

    /// <summary>The web origin that may read the answer; null when none asked, or it may not.</summary>
    public byte[]? Origin { get; set; }

    /// <summary>A cross-origin preflight, which the gateway answers itself.</summary>
    public bool IsPreflight { get; set; }

    /// <summary>The request's way through the cache; null when the cache has nothing to do with it.</summary>
    internal CacheCall? Cache { get; private set; }

    /// <summary>The response may be something else than what the upstream sends.</summary>
    internal bool Shapes => Cache is not null || Route!.Compressor is not null;

    internal BreakerPermit Breaker { get; set; }

    internal AdaptivePermit Adaptive { get; set; }

    /// <summary>A place in the cluster is held, which <see cref="EdgeSnapshot.Complete"/> gives back.</summary>
    internal bool IsInside { get; set; }

    public void Clear()
    {
        Snapshot = null;
        Route = null;
        Arm = null;
        Target = null;
        Identity = null;
        Limit = null;
        Origin = null;
        Cache = null;
        IsPreflight = IsCanary = SetSticky = SetSubject = IsHttps = IsInside = false;
        Status = 0;
        RetryAfter = RemainingMilliseconds = 0;
        Code = Detail = "";
        Client = default;
        Timeout = TimeSpan.Zero;
    }

    internal CacheCall TakeCacheCall() => Cache = _cacheCall ??= new();

    internal void DropCacheCall() => Cache = null;

    public void Refuse(int status, string code, string detail) => (Status, Code, Detail) = (status, code, detail);

    public void Refuse(Refusal refusal) => Refuse(Refusals.StatusOf(refusal), RefusalCodes[(int)refusal], refusal switch
    {
        Refusal.HeadTimeout or Refusal.BodyTimeout => "The request did not arrive in time.",
        Refusal.BodyTooLarge or Refusal.HeadTooLarge or Refusal.TargetTooLong => "The request is larger than this gateway takes.",
        _ => "The request cannot be understood in exactly one way.",
    });
}
