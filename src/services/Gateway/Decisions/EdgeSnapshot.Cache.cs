using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;

namespace SkyRiff.Gateway.Decisions;

/// <content>
/// The cache stands behind what decides who may ask (addresses, limits, credentials) and before what protects the upstream: a stored response takes no place
/// in the bulkhead, and needs no upstream that is well.
/// </content>
internal sealed partial class EdgeSnapshot
{
    /// <summary>Some route caches; if none does, nothing is looked up.</summary>
    private readonly bool _caches;

    /// <summary>Lives on over reloads.</summary>
    public ResponseStore Store { get; }

    /// <summary>After the cache was asked: takes the request to its cluster, when that is where it is to go. When that is refused, a stale response may do.</summary>
    public static void EnterBehindCache(RequestHead head, EdgeVerdict verdict, long now)
    {
        if (verdict.Status != 0 || verdict.Cache is { Step: not CacheStep.Forward }) return;
        Enter(head, verdict.Route!, now, verdict);
        if (verdict.Status != 0 && verdict.Cache?.TryHideError(now) == true) verdict.Refuse(0, "", "");
    }

    /// <summary>Decides about a refresh in the background: whoever caused it was let in, so only the upstream is protected.</summary>
    public void DecideRefresh(RefreshJob job, long now, ref SpanIds ids, EdgeVerdict verdict)
    {
        verdict.Clear();
        (verdict.Snapshot, verdict.Client, verdict.IsHttps, verdict.Identity) = (this, job.Client, job.IsHttps, job.Identity);
        verdict.Trace = TraceContext.Continue(default, ref ids);
        verdict.Route = _router.Find(job.Request, ref verdict.Captures); // for what the rewrite captured
        if (verdict.Route?.Cache is not { } route || route.Generation != job.Route.Cache!.Generation)
        {
            verdict.Refuse(404, "gateway.no_route", "The route has changed.");
            return;
        }
        verdict.TakeCacheCall().BeginRefresh(job, Store, verdict, now);
        Enter(job.Request, verdict.Route, now, verdict);
    }

    private void AskCache(RequestHead head, long now, EdgeVerdict verdict)
    {
        if (!verdict.TakeCacheCall().Begin(head, Store, verdict, now)) verdict.DropCacheCall();
    }
}
