using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>One configuration, compiled: immutable, swapped as a whole. Pure: a head, a peer and a time in, a verdict out.</summary>
internal sealed class EdgeSnapshot(IReadOnlyList<Route> routes)
{
    private readonly Route[] _routes = [.. routes];

    public HeadLimits HeadLimits { get; init; } = HeadLimits.Default;

    public void Decide(RequestHead head, PeerAddress peer, ref SpanIds ids, Verdict verdict)
    {
        verdict.Clear();
        verdict.Client = peer;
        verdict.Trace = TraceContext.Continue(head.Value(KnownField.Traceparent), ref ids);
        foreach (var route in _routes)
        {
            if (!head.Path.StartsWith(route.PathPrefix)) continue;
            verdict.Route = route;
            if (head.ContentLength > route.BodyBytesMax) verdict.Refuse(Refusal.BodyTooLarge);
            return;
        }
        verdict.Refuse(404, "gateway.no_route", "Nothing is served under this address.");
    }
}
