using System.Collections.Concurrent;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.App.Edge;

/// <summary>
/// Lets as many calls at a time into the services as they answer without slowing down, and sheds the rest at once, browsing first, money and sessions last.
/// What is measured are reads that anybody may make, since their times are alike; registration and sign-in have a queue of their own (hashing) and neither ask here nor count.
/// </summary>
internal sealed class CallGate : ICallGate
{
    private static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(1);

    private static readonly string[] MoneyAndSessions = ["/auth/", "/orders", "/subscriptions", "/wallet", "/withdrawals", "/sandbox/", "/generations"];

    private readonly AdaptiveConcurrency _concurrency;
    private readonly MonotonicClock _clock;
    private readonly Entropy _entropy;
    private readonly EdgeTelemetry _telemetry;
    private readonly ConcurrentDictionary<ApiRoute, (Priority Priority, bool HasOwnQueue, bool IsMeasured)> _plans = new();

    public CallGate(EdgeOptions options, TimeProvider time, Entropy entropy, EdgeTelemetry telemetry)
    {
        _concurrency = new AdaptiveConcurrency(options.Concurrency.Rule);
        (_clock, _entropy, _telemetry) = (new MonotonicClock(time), entropy, telemetry);
        telemetry.Observe("skyriff.edge.calls", "{call}", "Calls inside the services.", () => _concurrency.Inside);
        telemetry.Observe("skyriff.edge.calls_limit", "{call}", "Calls that may be inside the services.", () => _concurrency.Limit);
    }

    /// <summary>Calls inside now.</summary>
    public int Inside => _concurrency.Inside;

    public Problem? TryEnter(ApiRoute route, out long pass)
    {
        pass = 0;
        var plan = _plans.GetOrAdd(route, PlanOf);
        if (plan.HasOwnQueue) return null;
        var permit = _concurrency.TryEnter(plan.Priority, _clock.Now);
        if (permit.IsAllowed)
        {
            pass = permit.EnteredAt;
            return null;
        }
        _telemetry.Shed(plan.Priority.ToString());
        // Spread over three seconds, so that they do not all come back together.
        return HttpProblems.Unavailable.Because("Too much is going on at the moment; come back soon.") with { RetryAfter = ComeBackAfter * (1 + (2 * _entropy.NextDouble())) };
    }

    public void Leave(ApiRoute route, long pass, int? status)
    {
        var plan = _plans[route];
        if (plan.HasOwnQueue) return;
        var verdict = status switch
        {
            503 => Verdict.Failed,
            < 400 when plan.IsMeasured => Verdict.Succeeded,
            _ => Verdict.Refused,
        };
        _concurrency.Leave(new AdaptivePermit(true, pass), verdict, _clock.Now);
    }

    /// <summary>Money and sessions, and whatever creates, go last; then what a signed-in user does; then browsing.</summary>
    internal static (Priority Priority, bool HasOwnQueue, bool IsMeasured) PlanOf(ApiRoute route)
    {
        var path = route.Pattern.StartsWith(ApiRoutes.Prefix, StringComparison.Ordinal) ? route.Pattern[ApiRoutes.Prefix.Length..] : route.Pattern;
        var isRead = route is { Method: "GET", Access: Access.Open };
        if (path is "/auth/register" or "/auth/login") return (Priority.Critical, true, false);
        if (route.NeedsIdempotencyKey || route.Access is Access.Admin || MoneyAndSessions.Any(prefix => path.StartsWith(prefix, StringComparison.Ordinal))) return (Priority.Critical, false, false);
        return route.Access is Access.SignedIn ? (Priority.High, false, false) : (Priority.Normal, false, isRead);
    }
}
