using System.Buffers;
using System.IO.Pipelines;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Resilience;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <content>Routes that cache or compress.</content>
internal sealed partial class Http1Forwarder
{
    private sealed partial class Exchange
    {
        private async Task<AttemptResult> AnswerShapedAsync(Outcome outcome, Task upload)
        {
            var cache = call.Verdict.Cache;
            cache?.OnResponse(_head, call.Head, call.Verdict, new EdgeTime(new MonotonicClock(time).Now, time.GetUtcNow().ToUnixTimeSeconds()));
            if (cache is { Step: CacheStep.Serve })
            {
                IsReusable = _head.Body == BodyKind.None && await MayBeReusedAsync(_head.KeepAlive, upload);
                await StoredAnswer.WriteAsync(call);
                return new(outcome, IsAnswered: true);
            }
            var reply = ForwardedReply.Of(_head, call.Head, cache, call.Verdict.Route!.Compressor);
            using var pipe = reply.Pipe;
            call.Status = reply.Head.Status;
            ApplyHead(reply.Head);
            var body = default(BodyTransfer);
            body.Begin(_head.Body, _head.ContentLength, writesChunks: false, long.MaxValue, call.Verdict.Snapshot!.HeadLimits);
            var keepAlive = _head.KeepAlive;
            var isWhole = pipe is null ? await DownloadAsync(body) : await DownloadAsync(body, pipe, reply.Coding);
            if (!isWhole) return new(Outcome.FailedForGood, IsAnswered: Abort());
            IsReusable = !_isCutShort && await MayBeReusedAsync(keepAlive, upload);
            return new(outcome, IsAnswered: true);
        }

        private bool _isCutShort;

        private async Task<bool> DownloadAsync(BodyTransfer body, BodyPipe pipe, Coding coding)
        {
            var output = call.Context.Response.BodyWriter;
            if (pipe.IsMuted) await call.Context.Response.StartAsync(call.Aborted);
            var isPassed = false;
            while (!isPassed)
            {
                var hasEnded = false;
                if (!body.IsDone && Upstream.Unread.Length == 0)
                {
                    hasEnded = !await FillAsync();
                    if (hasEnded && body.Kind != BodyKind.UntilClose) return false;
                }
                var written = Pass(ref body, pipe, coding, output, hasEnded, out isPassed);
                if (body.Refusal != Refusal.None) return false;
                if (pipe is { IsMuted: true, Capture: null or { IsGivenUp: true } } && !isPassed)
                {
                    _isCutShort = true; // the client has its answer, and nobody wants the rest
                    return true;
                }
                if (written == 0) continue;
                call.BytesOut += written;
                if (!MayWaitForEnd(isPassed, written) && (await output.FlushAsync(call.Aborted)).IsCompleted) throw Left();
            }
            return true;
        }

        private int Pass(ref BodyTransfer body, BodyPipe pipe, Coding coding, PipeWriter output, bool hasEnded, out bool isLast)
        {
            var writer = new HeadWriter(Out);
            if (!body.IsDone && !hasEnded)
            {
                body.Move(Upstream.Unread.Span, ref writer, out var consumed);
                Upstream.Consume(consumed);
            }
            if (hasEnded) body.TryEnd(ref writer);
            isLast = body.IsDone;
            if (body.Refusal != Refusal.None) return 0;
            var leaving = pipe.Pass(Out.AsSpan(0, writer.Length), flush: body.Kind != BodyKind.Length && Upstream.IsDrained, isLast);
            if (leaving.Length > 0) output.Write(leaving); // an empty write is an error where no body may be
            if (call.Verdict.Cache is not { } cache) return leaving.Length;
            if (pipe.Capture is { IsGivenUp: true }) cache.OnCaptureGivenUp(new MonotonicClock(time).Now);
            if (isLast) cache.OnBodyComplete(pipe, coding);
            return leaving.Length;
        }
    }
}
