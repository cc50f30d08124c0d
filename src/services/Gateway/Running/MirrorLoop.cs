using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Resilience.Balancing;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// Sends the copies that mirrors took, and throws the answers away. Each mirror bounds how many of its own are under way, so a slow one costs its copies and
/// nothing else. What it learns about the targets (latency, failures) counts for their cluster.
/// </summary>
internal sealed class MirrorLoop(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<MirrorLoop> logger)
    : SupervisedLoop("gateway-mirror", time, entropy, logger)
{
    /// <summary>A longer answer is cut off with its connection.</summary>
    private const int AnswerBytesMax = 1 << 20;

    private const int InterimsMax = 16;
    private static readonly TimeSpan TidyInterval = TimeSpan.FromSeconds(1);

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var pool = new Http1UpstreamPool(Time);
        var sending = new List<Task>();
        var tidied = Time.GetTimestamp();
        try
        {
            await foreach (var request in runtime.Snapshot.Mirrors.Reader.ReadAllAsync(stopping))
            {
                sending.RemoveAll(task => task.IsCompleted);
                sending.Add(SendAsync(pool, request, stopping));
                if (Time.GetElapsedTime(tidied) < TidyInterval) continue;
                tidied = Time.GetTimestamp();
                pool.Tidy(runtime.Snapshot);
            }
        }
        finally
        {
            await Task.WhenAll(sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SendAsync(Http1UpstreamPool pool, MirroredRequest request, CancellationToken stopping)
    {
        var isAnswered = false;
        try
        {
            using var timeout = new CancellationTokenSource(request.Mirror.Config.Timeout, Time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stopping);
            isAnswered = await TrySendAsync(pool, request, mayBeUsed: true, limit.Token) ?? await TrySendAsync(pool, request, mayBeUsed: false, limit.Token) ?? false;
        }
        catch (Exception failure) when (failure is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Counted below, and told to nobody: a copy is not worth a word in the log.
        }
        finally
        {
            request.Mirror.Ended(isAnswered);
        }
    }

    /// <summary>Null when a used connection turned out to be dead.</summary>
    private async Task<bool?> TrySendAsync(Http1UpstreamPool pool, MirroredRequest request, bool mayBeUsed, CancellationToken cancellationToken)
    {
        var cluster = request.Mirror.Cluster;
        if (cluster.Choose(request.HashKey, null, runtime.Clock.Now) is not { } target) return false;
        EndpointGroup.Begin(target.Endpoint);
        var began = runtime.Clock.Now;
        var outcome = Outcome.Failed;
        Http1Upstream? upstream = null;
        var wasUsed = false;
        try
        {
            upstream = mayBeUsed ? pool.TryTake(target, cluster) : null;
            wasUsed = upstream is not null;
            upstream ??= await Http1Upstream.ConnectAsync(target, cluster.Config.ConnectTimeout, cancellationToken);
            await upstream.SendAsync(request.Bytes, cancellationToken);
            var head = new ResponseHead();
            var status = await ReadHeadAsync(upstream, head, request.IsHead, cancellationToken);
            if (status == ParseStatus.Incomplete && wasUsed)
            {
                outcome = Outcome.Abandoned;
                return null;
            }
            if (status != ParseStatus.Complete) return false;
            outcome = head.Status >= 500 ? Outcome.Failed : head.Status >= 400 ? Outcome.Refused : Outcome.Succeeded;
            if (await TryDrainAsync(upstream, head, cancellationToken) && head.KeepAlive && upstream.Unread.Length == 0)
            {
                pool.GiveBack(upstream, cluster);
                upstream = null;
            }
            return true;
        }
        catch (Exception broken) when (wasUsed && broken is SocketException or IOException)
        {
            outcome = Outcome.Abandoned;
            return null;
        }
        finally
        {
            upstream?.Dispose();
            cluster.State.Group.End(target.Endpoint, outcome, runtime.Clock.Now - began, runtime.Clock.Now);
        }
    }

    private static async Task<ParseStatus> ReadHeadAsync(Http1Upstream upstream, ResponseHead head, bool toHead, CancellationToken cancellationToken)
    {
        for (var interims = 0; interims <= InterimsMax; interims++)
        {
            var status = await upstream.ReadHeadAsync(head, HeadLimits.Default, toHead, upgradeAsked: false, cancellationToken);
            if (status != ParseStatus.Complete || !head.IsInterim) return status;
        }
        return ParseStatus.Refused;
    }

    /// <summary>Reads the body away, so that the connection can be used again; false when that is not worth it.</summary>
    private static async Task<bool> TryDrainAsync(Http1Upstream upstream, ResponseHead head, CancellationToken cancellationToken)
    {
        var body = default(BodyTransfer);
        body.Begin(head.Body, head.ContentLength, writesChunks: false, AnswerBytesMax, HeadLimits.Default);
        var nowhere = new byte[Http1Upstream.BufferBytes + BodyTransfer.FramingBytesMax];
        while (!body.IsDone)
        {
            if (upstream.Unread.Length == 0 && !await upstream.FillAsync(cancellationToken)) return false;
            if (!Move(ref body, upstream, nowhere)) return false;
        }
        return true;
    }

    private static bool Move(ref BodyTransfer body, Http1Upstream upstream, byte[] nowhere)
    {
        var writer = new HeadWriter(nowhere);
        var isGood = body.Move(upstream.Unread.Span, ref writer, out var consumed);
        upstream.Consume(consumed);
        return isGood && body.Refusal == Refusal.None;
    }
}
