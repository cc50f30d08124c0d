using System.Net;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Gateway.Configuration;

/// <summary>What a configuration file says, read and checked; nothing in it is running yet.</summary>
internal sealed record GatewayConfig
{
    public IReadOnlyList<ListenConfig> Listen { get; init; } = [];

    public IPEndPoint? Admin { get; init; }

    public EdgeConfig Edge { get; init; } = new();
}

/// <summary>An address that clients connect to.</summary>
internal sealed record ListenConfig(IPEndPoint Address)
{
    /// <summary>PEM files; with them the Kestrel front serves, with HTTP/2, and without them the lean front.</summary>
    public string? Certificate { get; init; }

    public string? Key { get; init; }

    /// <summary>Served by the lean front: cleartext HTTP/1.1 on our own event loops. Otherwise by Kestrel.</summary>
    public bool IsLean { get; init; } = true;

    /// <summary>Every connection begins with a PROXY protocol version 2 header.</summary>
    public bool ProxyProtocol { get; init; }

    /// <summary>0: one per core.</summary>
    public int Loops { get; init; }

    public int ConnectionsMax { get; init; } = 64_000;

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(75);

    public TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>What is decided about requests, apart from where they come in: the part that the in-process edge of a program shares.</summary>
internal sealed record EdgeConfig
{
    public HeadLimits HeadLimits { get; init; } = HeadLimits.Default;

    /// <summary>Where registries and shared limits are; empty for none.</summary>
    public string Redis { get; init; } = "";

    public IReadOnlyList<ClusterConfig> Clusters { get; init; } = [];

    public IReadOnlyList<RouteConfig> Routes { get; init; } = [];

    public IReadOnlyList<LimitConfig> Limits { get; init; } = [];

    public JwtConfig? Jwt { get; init; }

    public IReadOnlyList<ApiKeyConfig> ApiKeys { get; init; } = [];

    /// <summary>Carries who the caller is to the upstream; whatever a client sends under this name is dropped.</summary>
    public string IdentityHeader { get; init; } = "X-User-Id";

    public IReadOnlyList<AddressRange> TrustedProxies { get; init; } = [];

    /// <summary>Where trusted proxies say who the client is; the other header is not looked at.</summary>
    public TrustedHeader TrustedHeader { get; init; }

    public IReadOnlyList<AddressRange> Deny { get; init; } = [];

    /// <summary>Empty: everybody.</summary>
    public IReadOnlyList<AddressRange> Allow { get; init; } = [];

    public IReadOnlyList<ExperimentConfig> Experiments { get; init; } = [];

    /// <summary>Remembers who an anonymous client is to experiments.</summary>
    public string ExperimentCookie { get; init; } = "ab";

    /// <summary>Everything is answered 503, with this in Retry-After; zero when there is no maintenance.</summary>
    public TimeSpan Maintenance { get; init; }

    public bool SecurityHeaders { get; init; }

    public AccessLogConfig? AccessLog { get; init; }

    public ResponseStoreConfig ResponseStore { get; init; } = new();
}

internal sealed record ClusterConfig(string Name)
{
    public IReadOnlyList<EndpointConfig> Endpoints { get; init; } = [];

    /// <summary>Null: the endpoints are those in the file.</summary>
    public DiscoveryConfig? Discovery { get; init; }

    public string Balance { get; init; } = "power_of_two_choices";

    public HashSource HashOn { get; init; } = HashSource.Address;

    /// <summary>The header's or cookie's name for <see cref="HashOn"/>.</summary>
    public string HashName { get; init; } = "";

    public EndpointGroupOptions Group { get; init; } = new();

    /// <summary>The path that probes ask for.</summary>
    public string HealthPath { get; init; } = "";

    public CircuitBreakerOptions Breaker { get; init; } = new();

    public RetryBudgetOptions RetryBudget { get; init; } = new();

    /// <summary>Tries after the first.</summary>
    public int RetriesMax { get; init; } = 2;

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(45);

    public int IdleConnectionsMax { get; init; } = 256;

    /// <summary>The targets speak HTTP/2 with prior knowledge, or after TLS; reached through the Kestrel front only.</summary>
    public bool UseHttp2 { get; init; }

    /// <summary>With <see cref="UseHttp2"/>: the connection is TLS, and the endpoint's host is the name in its certificate.</summary>
    public bool UpstreamTls { get; init; }

    /// <summary>Requests in flight to the whole cluster; more are 503.</summary>
    public int InFlightMax { get; init; } = 10_000;

    public AdaptiveConcurrencyOptions? Adaptive { get; init; }
}

internal sealed record EndpointConfig(string Id, EndPoint Address, int Weight);

internal enum HashSource : byte
{
    Address,
    User,
    Path,
    Header,
    Cookie,
}

internal sealed record RouteConfig(string Name)
{
    public IReadOnlyList<string> Hosts { get; init; } = [];

    public PathTemplate Path { get; init; } = PathTemplate.Everything;

    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>Value "*": present.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Query { get; init; } = [];

    /// <summary>Higher is tried first; equal ones by how exact they are.</summary>
    public int Order { get; init; }

    public string Cluster { get; init; } = "";

    public CanaryConfig? Canary { get; init; }

    public PathRewrite? Rewrite { get; init; }

    public FieldTransforms RequestHeaders { get; init; } = FieldTransforms.None;

    public FieldTransforms ResponseHeaders { get; init; } = FieldTransforms.None;

    public QueryTransforms QueryParameters { get; init; } = QueryTransforms.None;

    public CorsConfig? Cors { get; init; }

    public AuthKind Auth { get; init; }

    /// <summary>Null: nothing is stored.</summary>
    public CacheConfig? Cache { get; init; }

    /// <summary>Null: bodies leave as they come.</summary>
    public CompressConfig? Compress { get; init; }

    public IReadOnlyList<string> Limits { get; init; } = [];

    public string StickyCookie { get; init; } = "";

    public IReadOnlyList<string> Experiments { get; init; } = [];

    public MirrorConfig? Mirror { get; init; }

    public HedgeConfig? Hedge { get; init; }

    public IReadOnlyList<AddressRange> Allow { get; init; } = [];

    public IReadOnlyList<AddressRange> Deny { get; init; } = [];

    public Priority Priority { get; init; } = Priority.Normal;

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public long BodyBytesMax { get; init; } = 16 << 20;
}

internal enum TrustedHeader : byte
{
    XForwardedFor,
    Forwarded,
}

/// <summary>Users are divided among arms, always the same way; the upstream is told in a header.</summary>
internal sealed record ExperimentConfig(string Name)
{
    public string Header { get; init; } = "";

    /// <summary>Names and weights, in the order that decides who is in which.</summary>
    public IReadOnlyList<(string Name, int Weight)> Arms { get; init; } = [];
}

internal enum AuthKind : byte
{
    /// <summary>Credentials are neither asked for nor looked at.</summary>
    None,

    /// <summary>Who brings credentials is known; wrong ones are refused, missing ones are not.</summary>
    Optional,

    /// <summary>A token or a key is needed.</summary>
    Required,
}

internal sealed record CanaryConfig(string Cluster)
{
    /// <summary>Percent of callers, stable per caller.</summary>
    public double Percent { get; init; }

    public KeyValuePair<string, string>? Header { get; init; }

    public KeyValuePair<string, string>? Cookie { get; init; }

    /// <summary>Roll back when the canary's failures or latency are worse.</summary>
    public bool Judge { get; init; } = true;
}

/// <summary>Who may read a route's answers in a browser, from another origin.</summary>
internal sealed record CorsConfig
{
    /// <summary><c>https://app.example</c>, or "*" for everybody.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    public IReadOnlyList<string> Methods { get; init; } = ["GET", "HEAD", "POST"];

    public IReadOnlyList<string> Headers { get; init; } = [];

    public IReadOnlyList<string> ExposedHeaders { get; init; } = [];

    /// <summary>Cookies and Authorization may be sent; then "*" is no origin.</summary>
    public bool Credentials { get; init; }

    public TimeSpan MaxAge { get; init; } = TimeSpan.FromMinutes(10);
}

internal sealed record LimitConfig(string Name)
{
    public LimitSubject By { get; init; }

    public long Count { get; init; }

    public TimeSpan Period { get; init; }

    /// <summary>0: a sliding window of <see cref="Count"/> per <see cref="Period"/>; otherwise a token bucket of this depth.</summary>
    public long Burst { get; init; }

    /// <summary>Holds for every route.</summary>
    public bool Everywhere { get; init; }

    /// <summary>Counted in Redis for all gateways; see <see cref="Resilience.Limits.DeferredLimiter"/> for how exactly.</summary>
    public bool Shared { get; init; }

    /// <summary>Of a shared limit: what one gateway may take before it has heard of the others, and while Redis is away.</summary>
    public double Share { get; init; } = 0.25;
}

internal enum LimitSubject : byte
{
    Address,
    User,
    Route,
}

internal sealed record JwtConfig(string Issuer, string Audience)
{
    /// <summary>A file, or an http(s) address.</summary>
    public string Jwks { get; init; } = "";

    public TimeSpan Leeway { get; init; } = TimeSpan.FromSeconds(30);

    public int CacheMax { get; init; } = 100_000;

    /// <summary>The list in Redis of what was revoked; empty: none is read.</summary>
    public string Revocations { get; init; } = "";
}

/// <summary>The key itself is nowhere: only its SHA-256.</summary>
internal sealed record ApiKeyConfig(string User, byte[] Sha256);

internal sealed record AccessLogConfig(string Path)
{
    /// <summary>The share of requests that are written; refused and failed ones always are.</summary>
    public double Sample { get; init; } = 1;
}
