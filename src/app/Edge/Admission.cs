using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.App.Edge;

/// <summary>
/// The edge of a process that has no gateway in front of it. In this order, so that what is refused cost as little as it can:
/// <list type="number">
/// <item>whose address it is, as far as trusted proxies tell;</item>
/// <item>the address's limit, from memory: a flood is refused here, before any token is proven;</item>
/// <item>who calls, for the user's limit;</item>
/// <item>all limits in Redis, asked side by side: one round trip.</item>
/// </list>
/// A request that is refused by one limit counts for the others.
/// </summary>
internal sealed class Admission
{
    private readonly RequestDelegate _next;
    private readonly EdgeLimits _limits;
    private readonly EdgeTelemetry _telemetry;
    private readonly ICallerVerifier _verifier;
    private readonly IPNetwork[] _trusted;
    private readonly bool _isEnabled;
    private readonly Dictionary<ApiRoute, RoutePlan> _plans;
    private readonly string _address;
    private readonly string _addressAndUser;
    private readonly string _files;
    private readonly Dictionary<NamedLimit, string> _addressAndOwn;

    public Admission(RequestDelegate next, IReadOnlyList<ApiRoute> routes, EdgeOptions options, EdgeLimits limits, EdgeTelemetry telemetry, ICallerVerifier verifier)
    {
        (_next, _limits, _telemetry, _verifier) = (next, limits, telemetry, verifier);
        (_trusted, _isEnabled) = (options.TrustedRanges(), options.Enabled);
        _plans = routes.ToDictionary(route => route, route => RoutePlan.Of(route, limits));
        _address = RateLimitFields.FormatPolicies([limits.PerAddress.Policy]);
        _addressAndUser = RateLimitFields.FormatPolicies([limits.PerAddress.Policy, limits.PerUser.Policy]);
        _addressAndOwn = new[] { limits.Registrations, limits.SignIns }.ToDictionary(own => own, own => RateLimitFields.FormatPolicies([limits.PerAddress.Policy, own.Policy]));
        _files = RateLimitFields.FormatPolicies([limits.FilesPolicy]);
    }

    public async Task InvokeAsync(HttpContext http)
    {
        var address = BelieveProxies(http);
        if (!_isEnabled)
        {
            await _next(http);
            return;
        }
        var plan = http.GetEndpoint()?.Metadata.GetMetadata<ApiRoute>() is { } route ? _plans[route] : RoutePlan.Of(http.Request.Path);
        var refusal = plan.Budget switch
        {
            Budget.Calls => await AdmitCallAsync(http, plan, address),
            Budget.Files => AdmitFile(http, address),
            _ => null,
        };
        if (refusal is null) await _next(http);
        else await ProblemWriter.WriteAsync(http, refusal);
    }

    /// <summary>Puts the client's address (and whether it speaks HTTPS) in the place of the proxy's, for all that follows.</summary>
    private IPAddress BelieveProxies(HttpContext http)
    {
        var peer = http.Connection.RemoteIpAddress ?? IPAddress.Loopback;
        var client = ClientAddress.Of(peer, _trusted.Length == 0 ? default : http.Request.Headers["X-Forwarded-For"], _trusted);
        http.Connection.RemoteIpAddress = client;
        if (_trusted.Length > 0 && http.Request.Headers["X-Forwarded-Proto"] is ["https"] && ClientAddress.IsIn(_trusted, peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer)) http.Request.Scheme = "https";
        return client;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Problem?> AdmitCallAsync(HttpContext http, RoutePlan plan, IPAddress address)
    {
        var byAddress = TakeAsync(_limits.PerAddress, address, http.RequestAborted);
        if (byAddress.IsCompleted)
        {
            var known = await byAddress;
            return known.IsAllowed ? Conclude(http, plan, known, await TakeOtherAsync(http, plan, address)) : Refused(http, _address, known, _limits.PerAddress);
        }
        var other = TakeOtherAsync(http, plan, address); // while the first question is under way
        return Conclude(http, plan, await byAddress, await other);
    }

    /// <summary>The route's own limit, or else the user's; neither for who is not signed in.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(NamedLimit? Limit, SharedDecision Decision)> TakeOtherAsync(HttpContext http, RoutePlan plan, IPAddress address)
    {
        if (plan.Own is { } own) return (own, await TakeAsync(own, address, http.RequestAborted));
        return await CallerProof.OfAsync(http, plan.Access, _verifier) is { Succeeded: true, Value: { } caller }
            ? (_limits.PerUser, await TakeAsync(_limits.PerUser, caller.Subject, http.RequestAborted))
            : default;
    }

    private Problem? Conclude(HttpContext http, RoutePlan plan, in SharedDecision byAddress, (NamedLimit? Limit, SharedDecision Decision) other)
    {
        var policies = other.Limit is null ? _address : plan.Own is { } own ? _addressAndOwn[own] : _addressAndUser;
        if (!byAddress.IsAllowed) return Refused(http, policies, byAddress, _limits.PerAddress);
        if (other.Limit is not { } limit)
        {
            Tell(http, policies, _limits.PerAddress.Policy, byAddress.Decision);
            return null;
        }
        if (!other.Decision.IsAllowed) return Refused(http, policies, other.Decision, limit);
        Tell(http, policies, _limits.PerAddress.Policy, byAddress.Decision, limit.Policy, other.Decision.Decision);
        return null;
    }

    private Problem? AdmitFile(HttpContext http, IPAddress address)
    {
        var decision = _limits.TakeFile(address);
        if (decision.IsAllowed) return null;
        _telemetry.Refused(_limits.FilesPolicy.Name);
        Tell(http, _files, _limits.FilesPolicy, decision);
        return Limited(_limits.FilesPolicy, decision);
    }

    private static ValueTask<SharedDecision> TakeAsync(NamedLimit limit, IPAddress address, CancellationToken aborted)
    {
        Span<byte> buffer = stackalloc byte[EdgeLimits.AddressBytesMax];
        return limit.Limiter.TakeAsync(EdgeLimits.IdOf(address, buffer), 1, aborted);
    }

    private static ValueTask<SharedDecision> TakeAsync(NamedLimit limit, long user, CancellationToken aborted)
    {
        Span<byte> buffer = stackalloc byte[EdgeLimits.UserBytes];
        return limit.Limiter.TakeAsync(EdgeLimits.IdOf(user, buffer), 1, aborted);
    }

    private Problem Refused(HttpContext http, string policies, in SharedDecision decision, NamedLimit limit)
    {
        _telemetry.Refused(limit.Policy.Name);
        Tell(http, policies, limit.Policy, decision.Decision);
        return Limited(limit.Policy, decision.Decision);
    }

    private static Problem Limited(LimitPolicy policy, in LimitDecision decision)
    {
        var seconds = RateLimitFields.RetryAfterSeconds(decision);
        return HttpProblems.RateLimited.Because($"The limit \"{policy.Name}\" is used up; come back in {seconds} s.") with { RetryAfter = TimeSpan.FromSeconds(seconds) };
    }

    private static void Tell(HttpContext http, string policies, LimitPolicy policy, in LimitDecision decision)
    {
        var headers = new LimitHeaders(stackalloc byte[LimitHeaders.BytesMax]);
        headers.Add(policy, decision);
        headers.WriteTo(http.Response, policies);
    }

    private static void Tell(HttpContext http, string policies, LimitPolicy policy, in LimitDecision decision, LimitPolicy otherPolicy, in LimitDecision otherDecision)
    {
        var headers = new LimitHeaders(stackalloc byte[LimitHeaders.BytesMax]);
        headers.Add(policy, decision);
        headers.Add(otherPolicy, otherDecision);
        headers.WriteTo(http.Response, policies);
    }
}
