using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// Validates stale responses that were used meanwhile (RFC 5861), for all fronts: one attempt each on a connection of its own, under the cluster's bulkhead and
/// breaker, without retries. What fails stays stale, and the next use asks again.
/// </summary>
internal sealed class CacheRefresher(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<CacheRefresher> logger)
    : SupervisedLoop("gateway-cache-refresher", time, entropy, logger)
{
    /// <summary>Refreshes at the same time; others wait in the queue.</summary>
    private const int WorkersMax = 8;

    private const int OutBytes = 64 * 1024;

    protected override Task RunAsync(CancellationToken stopping) => Task.WhenAll(Enumerable.Range(0, WorkersMax).Select(_ => WorkAsync(stopping)));

    private async Task WorkAsync(CancellationToken stopping)
    {
        var verdict = new EdgeVerdict();
        var ids = new SpanIds(Entropy);
        // The store, and so its queue, is the same over all reloads.
        await foreach (var job in runtime.Snapshot.Store.Refreshes.Jobs.ReadAllAsync(stopping))
        {
            runtime.Snapshot.DecideRefresh(job, runtime.Clock.Now, ref ids, verdict);
            var outcome = Outcome.Abandoned;
            try
            {
                if (verdict.Status == 0) outcome = await AttemptAsync(job, verdict, stopping);
            }
            catch (Exception failure) when (failure is SocketException or IOException or ObjectDisposedException || (failure is OperationCanceledException && !stopping.IsCancellationRequested))
            {
                outcome = Outcome.Failed;
            }
            finally
            {
                if (verdict.Cache is { } cache) cache.End();
                else runtime.Snapshot.Store.End(job.Flight);
                EdgeSnapshot.Complete(verdict, outcome, 0, runtime.Clock.Now);
            }
        }
    }

    private async Task<Outcome> AttemptAsync(RefreshJob job, EdgeVerdict verdict, CancellationToken stopping)
    {
        if (!EdgeSnapshot.TryChoose(job.Request, verdict, runtime.Clock.Now)) return Outcome.Abandoned;
        EdgeSnapshot.BeginAttempt(verdict);
        var (began, outcome) = (runtime.Clock.Now, Outcome.Failed);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        await using var timer = Time.CreateTimer(state => ((CancellationTokenSource)state!).Cancel(), limit, verdict.Route!.Timeout, Timeout.InfiniteTimeSpan);
        try
        {
            using var upstream = await Http1Upstream.ConnectAsync(verdict.Target!, verdict.Arm!.Cluster.Config.ConnectTimeout, limit.Token);
            outcome = await FetchAsync(job, verdict, upstream, limit.Token);
        }
        finally
        {
            EdgeSnapshot.EndAttempt(verdict, outcome, runtime.Clock.Now - began, runtime.Clock.Now);
        }
        return outcome;
    }

    private async Task<Outcome> FetchAsync(RefreshJob job, EdgeVerdict verdict, Http1Upstream upstream, CancellationToken cancellationToken)
    {
        var scratch = new byte[OutBytes];
        await upstream.SendAsync(scratch.AsMemory(0, WriteRequest(job, verdict, scratch)), cancellationToken);
        var head = new ResponseHead();
        do
        {
            if (await upstream.ReadHeadAsync(head, verdict.Snapshot!.HeadLimits, toHead: false, upgradeAsked: false, cancellationToken) != ParseStatus.Complete) return Outcome.Failed;
        }
        while (head.IsInterim);
        var cache = verdict.Cache!;
        cache.OnResponse(head, job.Request, verdict, new EdgeTime(runtime.Clock.Now, Time.GetUtcNow().ToUnixTimeSeconds()));
        var outcome = head.Status >= 500 ? Outcome.Failed : Outcome.Succeeded;
        if (cache.Capture is null) return outcome;
        var body = default(BodyTransfer);
        body.Begin(head.Body, head.ContentLength, writesChunks: false, long.MaxValue, verdict.Snapshot.HeadLimits);
        while (!body.IsDone && !cache.Capture.IsGivenUp)
        {
            if (upstream.Unread.Length == 0 && !await upstream.FillAsync(cancellationToken)) return Outcome.Failed;
            if (!Keep(ref body, upstream, cache.Capture, scratch)) return Outcome.Failed;
        }
        if (body.IsDone) cache.OnBodyComplete(null, Compression.Coding.Identity);
        return outcome;
    }

    private static int WriteRequest(RefreshJob job, EdgeVerdict verdict, byte[] scratch)
    {
        verdict.Cache!.PrepareRequest(job.Request);
        var writer = new HeadWriter(scratch);
        ForwardedHeads.WriteRequest(ref writer, job.Request, verdict);
        return writer.Overflowed ? throw new IOException("The request is too large with what is added to it.") : writer.Length;
    }

    private static bool Keep(ref BodyTransfer body, Http1Upstream upstream, BodyCapture capture, byte[] scratch)
    {
        var writer = new HeadWriter(scratch);
        var understood = body.Move(upstream.Unread.Span, ref writer, out var consumed);
        capture.Append(scratch.AsSpan(0, writer.Length));
        upstream.Consume(consumed);
        return understood;
    }
}
