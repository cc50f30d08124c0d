using System.Buffers.Text;
using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;
using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Gateway.Decisions;

/// <summary>The time of a decision: monotonic nanoseconds for limits and breakers, and the wall clock for tokens.</summary>
internal readonly record struct EdgeTime(long Nanoseconds, long UnixSeconds);

/// <summary>
/// One configuration, compiled: immutable, swapped as a whole. Heads, peers and times in, verdicts out; it knows no sockets. For every verdict that says
/// forward, <see cref="Complete"/> is owed once.
/// </summary>
internal sealed partial class EdgeSnapshot
{
    private readonly Router _router;
    private readonly AddressRange[] _trusted;
    private readonly AddressRange[] _allow;
    private readonly AddressRange[] _deny;

    internal EdgeSnapshot(EdgeConfig config, IReadOnlyList<Route> routesByRank, IReadOnlyDictionary<string, Cluster> clusters,
        IReadOnlyDictionary<string, RateLimit> limits, JwtVerifier? jwt, ResponseCache.ResponseStore store)
    {
        Config = config;
        Routes = routesByRank;
        Clusters = clusters;
        Limits = limits;
        Jwt = jwt;
        Keys = new ApiKeys(config.ApiKeys);
        IdentityHeader = Encoding.ASCII.GetBytes(config.IdentityHeader);
        ExperimentCookie = Encoding.ASCII.GetBytes(config.ExperimentCookie);
        _router = new Router(routesByRank);
        Store = store;
        _caches = routesByRank.Any(r => r.Cache is not null);
        _trusted = [.. config.TrustedProxies];
        _allow = [.. config.Allow];
        _deny = [.. config.Deny];
    }

    public EdgeConfig Config { get; }

    public IReadOnlyList<Route> Routes { get; }

    public IReadOnlyDictionary<string, Cluster> Clusters { get; }

    public IReadOnlyDictionary<string, RateLimit> Limits { get; }

    public JwtVerifier? Jwt { get; }

    public ApiKeys Keys { get; }

    public byte[] IdentityHeader { get; }

    /// <summary>Copies that wait to be sent; somebody must read it for mirrors to do anything.</summary>
    public MirrorQueue Mirrors { get; init; } = new();

    public byte[] ExperimentCookie { get; }

    public HeadLimits HeadLimits => Config.HeadLimits;

    /// <summary>Decides. <paramref name="isHttps"/>: the client's connection to us is TLS.</summary>
    public void Decide(RequestHead head, PeerAddress peer, bool isHttps, EdgeTime time, ref SpanIds ids, EdgeVerdict verdict)
    {
        verdict.Clear();
        verdict.Snapshot = this;
        (verdict.Client, verdict.IsHttps) = (peer, isHttps);
        var isTrusted = _trusted.Length > 0 && AddressRange.AnyContains(_trusted, peer);
        if (isTrusted) Believe(head, peer, verdict);
        verdict.Trace = TraceContext.Continue(head.Value(KnownField.Traceparent), ref ids);
        if (!MayEnter(verdict)) return;
        var route = _router.Find(head, ref verdict.Captures);
        if (route is null)
        {
            verdict.Refuse(404, "gateway.no_route", "Nothing is served under this address.");
            return;
        }
        verdict.Route = route;
        verdict.Timeout = route.Timeout;
        if (isTrusted) HonourDeadline(head.Value(KnownField.XDeadlineMs), verdict);
        if (route.Deny.Length + route.Allow.Length > 0 && IsBarred(route.Deny, route.Allow, verdict.Client))
        {
            verdict.Refuse(403, "gateway.address_denied", "Requests from this address are not taken.");
            return;
        }
        if (route.Cors is { } cors && AnswerPreflight(head, cors, verdict)) return;
        if (head.ContentLength > route.BodyBytesMax)
        {
            verdict.Refuse(Refusal.BodyTooLarge);
            return;
        }
        if (!MayPass(route.AddressLimits, verdict, time.Nanoseconds)) return;
        if (route.Config.Auth != AuthKind.None && !Authenticate(head, route, time.UnixSeconds, verdict)) return;
        if (!MayPass(route.UserLimits, verdict, time.Nanoseconds)) return;
        if (_caches) AskCache(head, time.Nanoseconds, verdict);
        EnterBehindCache(head, verdict, time.Nanoseconds);
    }

    /// <summary>Chooses the target of the next attempt; false when there is none. The last target that failed is avoided.</summary>
    public static bool TryChoose(RequestHead head, EdgeVerdict verdict, long now)
    {
        var cluster = verdict.Arm!.Cluster;
        var failed = verdict.Target?.Endpoint;
        if (failed is null && verdict.Route!.StickyCookie.Length > 0)
        {
            if (Cookies.TryGet(head, verdict.Route.StickyCookie, out var cookie) && cluster.Find(cookie, now) is { } sticky)
            {
                verdict.Target = sticky;
                return true;
            }
            verdict.SetSticky = true;
        }
        verdict.Target = cluster.Choose(verdict.HashKey, failed, now);
        return verdict.Target is not null;
    }

    /// <summary>An attempt begins; <see cref="EndAttempt"/> is owed.</summary>
    public static void BeginAttempt(EdgeVerdict verdict) => EndpointGroup.Begin(verdict.Target!.Endpoint);

    public static void EndAttempt(EdgeVerdict verdict, Verdict outcome, long duration, long now) =>
        verdict.Arm!.Cluster.State.Group.End(verdict.Target!.Endpoint, outcome, duration, now);

    /// <summary>The request is over: what was held is given back, and what was learned is told to breaker, limits and canary.</summary>
    public static void Complete(EdgeVerdict verdict, Verdict outcome, long duration, long now)
    {
        if (!verdict.IsInside) return;
        verdict.IsInside = false;
        var arm = verdict.Arm!;
        arm.Cluster.State.Leave();
        arm.Cluster.Adaptive?.Leave(verdict.Adaptive, outcome, now);
        arm.Breaker.Report(verdict.Breaker, outcome, duration, now);
        if (verdict.Route!.Canary is { Config.Judge: true } canary && outcome != Verdict.Abandoned)
            canary.Judge.Report(verdict.IsCanary, outcome is Verdict.Failed or Verdict.FailedForGood, duration / 1e6);
    }

    /// <summary>What a trusted proxy says about the client: in the one header that proxies are said to write, since they pass on what clients put into the other.</summary>
    private void Believe(RequestHead head, PeerAddress peer, EdgeVerdict verdict)
    {
        if (Config.TrustedHeader == TrustedHeader.Forwarded)
        {
            verdict.Client = ForwardedField.ClientOf(head, peer, _trusted, out var isHttps);
            verdict.IsHttps |= isHttps;
            return;
        }
        verdict.Client = ClientAddress.Of(head, peer, _trusted);
        verdict.IsHttps |= Ascii.EqualsIgnoreCase(head.Value(KnownField.XForwardedProto), "https"u8);
    }

    /// <summary>A proxy in front that waits less than the route allows: nobody would hear what comes later. It cannot get more.</summary>
    private static void HonourDeadline(ReadOnlySpan<byte> told, EdgeVerdict verdict)
    {
        if (!Utf8Parser.TryParse(told, out uint milliseconds, out var used) || used != told.Length || milliseconds >= verdict.Timeout.TotalMilliseconds) return;
        verdict.RemainingMilliseconds = Math.Max(1, milliseconds);
        verdict.Timeout = TimeSpan.FromMilliseconds(verdict.RemainingMilliseconds);
    }

    private static bool IsBarred(AddressRange[] deny, AddressRange[] allow, PeerAddress client) =>
        AddressRange.AnyContains(deny, client) || (allow.Length > 0 && !AddressRange.AnyContains(allow, client));

    private bool MayEnter(EdgeVerdict verdict)
    {
        if (_deny.Length + _allow.Length > 0 && IsBarred(_deny, _allow, verdict.Client)) verdict.Refuse(403, "gateway.address_denied", "Requests from this address are not taken.");
        else if (Config.Maintenance > TimeSpan.Zero)
        {
            verdict.Refuse(503, "gateway.maintenance", "The service is being maintained.");
            verdict.RetryAfter = (long)Config.Maintenance.TotalSeconds;
        }
        return verdict.Status == 0;
    }

    /// <summary>Notes who may read the answer; true when the request was only the question whether.</summary>
    private static bool AnswerPreflight(RequestHead head, CorsPolicy cors, EdgeVerdict verdict)
    {
        var origin = head.Value(KnownField.Origin);
        // Copied, since it is written when the head may be gone; only cross-origin requests pay for that.
        if (cors.Allows(origin)) verdict.Origin = origin.ToArray();
        if (!CorsPolicy.IsPreflight(head)) return false;
        verdict.IsPreflight = true;
        verdict.Refuse(204, "", "");
        return true;
    }

    private static bool MayPass(RateLimit[] limits, EdgeVerdict verdict, long now)
    {
        foreach (var limit in limits)
        {
            var decision = limit.Take(verdict, now);
            if (verdict.Limit is null || !decision.IsAllowed || decision.Remaining < verdict.LimitDecision.Remaining) (verdict.Limit, verdict.LimitDecision) = (limit, decision);
            if (decision.IsAllowed) continue;
            verdict.Refuse(429, "gateway.rate_limited", "Too many requests; the reply says when to come back.");
            verdict.RetryAfter = Resilience.Limits.RateLimitFields.RetryAfterSeconds(decision);
            return false;
        }
        return true;
    }

    private bool Authenticate(RequestHead head, Route route, long nowSeconds, EdgeVerdict verdict)
    {
        if (head.Has(KnownField.XApiKey))
        {
            verdict.Identity = Keys.Find(head.Value(KnownField.XApiKey));
            if (verdict.Identity is not null) return true;
            verdict.Refuse(401, "gateway.bad_key", "The API key is not known.");
            return false;
        }
        var credentials = head.Value(KnownField.Authorization);
        if (credentials.Length == 0)
        {
            if (route.Config.Auth == AuthKind.Optional) return true;
            verdict.Refuse(401, "gateway.no_credentials", "This needs a bearer token or an API key.");
            return false;
        }
        var token = credentials.Length > 7 && Ascii.EqualsIgnoreCase(credentials[..7], "Bearer "u8) ? credentials[7..] : default;
        var found = TokenVerdict.Malformed;
        Identity? identity = null;
        if (token.Length > 0 && Jwt is not null) found = Jwt.Verify(token, nowSeconds, out identity);
        if (found == TokenVerdict.Valid)
        {
            verdict.Identity = identity;
            return true;
        }
        verdict.Refuse(401, found is TokenVerdict.Expired ? "gateway.token_expired" : found is TokenVerdict.Revoked ? "gateway.token_revoked" : "gateway.bad_token", "The bearer token is not valid.");
        return false;
    }

    private static void Enter(RequestHead head, Route route, long now, EdgeVerdict verdict)
    {
        var arm = route.Primary;
        if (route.Canary is { } canary && canary.Chooses(head, CallerOf(verdict)))
        {
            arm = canary.Arm;
            verdict.IsCanary = true;
        }
        verdict.Arm = arm;
        var cluster = arm.Cluster;
        if (!cluster.State.TryEnter(cluster.Config.InFlightMax))
        {
            verdict.Refuse(503, "gateway.bulkhead_full", "Too many requests are under way.");
            verdict.RetryAfter = 1;
            return;
        }
        if (cluster.Adaptive is { } adaptive)
        {
            verdict.Adaptive = adaptive.TryEnter(route.Config.Priority, now);
            if (!verdict.Adaptive.IsAllowed)
            {
                cluster.State.Leave();
                verdict.Refuse(503, "gateway.overloaded", "There is more to do than can be done in time.");
                verdict.RetryAfter = 1;
                return;
            }
        }
        verdict.Breaker = arm.Breaker.TryEnter(now);
        verdict.IsInside = true;
        if (!verdict.Breaker.IsAllowed)
        {
            verdict.IsInside = false;
            cluster.State.Leave();
            cluster.Adaptive?.Leave(verdict.Adaptive, Verdict.Abandoned, now);
            verdict.Refuse(503, "gateway.circuit_open", "The service behind is failing and is left alone for a while.");
            verdict.RetryAfter = Math.Max(1, (long)Math.Ceiling(verdict.Breaker.RetryAfter.TotalSeconds));
            return;
        }
        verdict.HashKey = cluster.HashKey(head, verdict);
        if (route.Experiments.Length > 0) Experiment.Assign(head, verdict);
    }

    private static ulong CallerOf(EdgeVerdict verdict) =>
        verdict.Identity?.Hash ?? Resilience.Hashing.SipHash.Stable.Hash((ulong)verdict.Client.Value, (ulong)(verdict.Client.Value >> 64));
}
