using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.ObjectPool;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.Running;
using SkyRiff.Gateway.Telemetry;
using SkyRiff.Kernel;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>
/// The Kestrel front's requests: the same decisions and the same heads as the lean front, with ASP.NET Core's streams on the client's side. What differs by
/// the upstream's protocol is in <see cref="Http1Forwarder"/> and <see cref="Http2Forwarder"/>.
/// </summary>
internal sealed class ForwardingHandler(EdgeRuntime runtime, Http1Forwarder http1, Http2Forwarder http2, LaneMetrics metrics, AccessLogLane? log, TimeProvider time) : IHttpApplication<ForwardedCall>
{
    /// <summary>Calls that wait for the next request; more are thrown away. Each holds about 10 KB.</summary>
    private const int IdleCallsMax = 1024;

    private static readonly TimeSpan RetryDelayBase = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromSeconds(1);

    [ThreadStatic]
    private static SpanIds? _threadIds;

    private readonly DefaultObjectPool<ForwardedCall> _calls = new(new CallPolicy(time), IdleCallsMax);
    private readonly Lock _accounting = new();
    private volatile bool _isDraining;

    /// <summary>Answers end their HTTP/1.1 connections from now on; HTTP/2 has GOAWAY for that.</summary>
    public bool IsDraining
    {
        get => _isDraining;
        set => _isDraining = value;
    }

    public ForwardedCall CreateContext(IFeatureCollection contextFeatures) => _calls.Get().Begin(contextFeatures);

    public void DisposeContext(ForwardedCall context, Exception? exception) => _calls.Return(context);

    public async Task ProcessRequestAsync(ForwardedCall context)
    {
        var call = context;
        var started = call.Started = runtime.Clock.Now;
        var http = call.Context;
        if (_isDraining && HttpProtocol.IsHttp11(http.Request.Protocol)) http.Response.Headers.Connection = "close";
        var verdict = call.Verdict;
        var snapshot = runtime.Snapshot;
        var refusal = call.Read(snapshot.HeadLimits);
        if (refusal != Refusal.None)
        {
            verdict.Clear();
            verdict.Snapshot = snapshot;
            verdict.Client = HttpContextHead.PeerOf(http);
            verdict.Refuse(refusal);
            var ids = Ids();
            verdict.Trace = TraceContext.Continue(default, ref ids);
            _threadIds = ids;
        }
        else
        {
            var ids = Ids();
            snapshot.Decide(call.Head, HttpContextHead.PeerOf(http), http.Request.IsHttps, Now(), ref ids, verdict);
            _threadIds = ids;
        }
        var outcome = Outcome.Abandoned;
        try
        {
            var isServed = verdict.Cache is not null && await StoredAnswer.TryAsync(call, Now, time);
            outcome = verdict.Status == 0 && !isServed ? await ForwardAsync(call) : Outcome.Abandoned;
            // In place of an error, a stale response may do.
            if (verdict.Status != 0 && !http.Response.HasStarted && verdict.Cache?.TryHideError(runtime.Clock.Now) == true)
            {
                verdict.Refuse(0, "", "");
                await StoredAnswer.WriteAsync(call);
            }
            if (verdict.Status != 0) await AnswerAsync(call);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or BadHttpRequestException or SocketException or ObjectDisposedException)
        {
            http.Abort(); // the client left, or was told half: it must not take that for the whole
        }
        finally
        {
            var now = runtime.Clock.Now;
            verdict.Cache?.End();
            EdgeSnapshot.Complete(verdict, outcome, call.AttemptNanoseconds > 0 ? call.AttemptNanoseconds : now - started, now);
            Account(call, now - started);
        }
    }

    private static SpanIds Ids() => _threadIds ?? new SpanIds(Entropy.System);

    private EdgeTime Now() => new(runtime.Clock.Now, time.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>Attempts until one has answered, or no more may be made; a verdict with a status is then the answer.</summary>
    private async Task<Outcome> ForwardAsync(ForwardedCall call)
    {
        var verdict = call.Verdict;
        var cluster = verdict.Arm!.Cluster;
        cluster.Budget.OnCall();
        call.Copy = MirrorCopy.Begin(call);
        if (call.MayHedge && call.Head.Body != BodyKind.None) call.Kept = new KeptBody();
        var deadline = runtime.Clock.Now + (long)verdict.Timeout.TotalNanoseconds;
        while (true)
        {
            if (!EdgeSnapshot.TryChoose(call.Head, verdict, runtime.Clock.Now))
            {
                verdict.Refuse(503, "gateway.no_target", "No upstream is there to answer.");
                return Outcome.Failed;
            }
            EdgeSnapshot.BeginAttempt(verdict);
            var began = call.AttemptBegan = runtime.Clock.Now;
            var attempt = new AttemptResult(Outcome.Abandoned);
            if (call.Attempts > 0) verdict.RemainingMilliseconds = Math.Max(1, (deadline - began) / 1_000_000);
            try
            {
                var limit = TimeSpan.FromTicks(Math.Max(1, (deadline - began) / TimeSpan.NanosecondsPerTick));
                attempt = cluster.Config.UseHttp2 ? await http2.TryAsync(call, limit) : await http1.TryAsync(call, limit);
            }
            finally
            {
                call.AttemptNanoseconds = runtime.Clock.Now - call.AttemptBegan;
                EdgeSnapshot.EndAttempt(verdict, attempt.Outcome, call.AttemptNanoseconds, runtime.Clock.Now);
            }
            if (attempt.IsAnswered) return attempt.Outcome;
            if (!call.MayRepeat(attempt.NothingWasSent) || call.Attempts >= cluster.Config.RetriesMax || !cluster.Budget.TryTake()) return attempt.Outcome;
            var delay = attempt.NothingWasSent ? TimeSpan.Zero : Entropy.System.Backoff(RetryDelayBase, RetryDelayMax, call.Attempts);
            if (runtime.Clock.Now + delay.TotalNanoseconds >= deadline) return attempt.Outcome;
            call.Attempts++;
            verdict.Refuse(0, "", "");
            await Task.Delay(delay, time, call.Aborted);
        }
    }

    private static async Task AnswerAsync(ForwardedCall call)
    {
        if (call.Context.Response.HasStarted)
        {
            call.Context.Abort();
            return;
        }
        call.Status = call.Verdict.Status;
        await ContextReply.WriteProblemAsync(call.Context, call.Verdict, call.Aborted);
    }

    private void Account(ForwardedCall call, long nanoseconds)
    {
        var verdict = call.Verdict;
        // One lane for many threads; held for well under a microsecond.
        lock (_accounting)
        {
            metrics.Record(verdict.Route?.MetricsIndex ?? 0, call.Status, nanoseconds, call.BytesIn, call.BytesOut);
            if (log is null) return;
            var understood = call.IsUnderstood;
            log.Write(
                new AccessRecord
                {
                    Verdict = verdict,
                    Method = understood ? call.Head.MethodName : default,
                    Path = understood ? call.Head.Path : default,
                    Host = understood ? call.Head.HostName : default,
                    Status = call.Status,
                    Nanoseconds = nanoseconds,
                    BytesIn = call.BytesIn,
                    BytesOut = call.BytesOut,
                    Attempts = call.Attempts + 1,
                },
                time.GetUtcNow().ToUnixTimeSeconds());
        }
    }

    /// <summary>Hands the lane's lines to the log's writer; called about once a second.</summary>
    public void FlushLog()
    {
        lock (_accounting) log?.Flush();
    }

    private sealed class CallPolicy(TimeProvider time) : PooledObjectPolicy<ForwardedCall>
    {
        public override ForwardedCall Create() => new(time);

        public override bool Return(ForwardedCall obj) => obj.TryEnd();
    }
}
