using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>One attempt over a pooled HTTP/1.1 connection: what is sent is rebuilt, what comes is read by the strict core.</summary>
internal sealed partial class Http1Forwarder(Http1UpstreamPool pool, HedgeRace race, TimeProvider time)
{
    private const int InterimsMax = 16;
    private const int EndPieceBytesMax = 4096;

    /// <summary>What must be left of a block of the server's, to be filled before the next.</summary>
    private const int OutputBytesMin = 256;

    /// <summary>Pieces of a body in one go; then whoever else waits for the thread has his turn, however fast both ends of this body are.</summary>
    private const int PiecesPerTurnMax = 8;

    private static readonly TimeSpan UploadEndTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly HeadLimits OwnLimits = HeadLimits.Default with { HeadBytesMax = ushort.MaxValue };

    public async Task<AttemptResult> TryAsync(ForwardedCall call, TimeSpan timeout)
    {
        var verdict = call.Verdict;
        var cluster = verdict.Arm!.Cluster;
        var mayBeStale = true;
        while (true)
        {
            var upstream = mayBeStale ? pool.TryTake(verdict.Target!, cluster) : null;
            try
            {
                upstream ??= await Http1Upstream.ConnectAsync(verdict.Target!, cluster.Config.ConnectTimeout, call.Aborted);
            }
            catch (SocketException)
            {
                return call.Failed(502, "gateway.upstream_unreachable", "No upstream could be reached.", nothingWasSent: true);
            }
            var exchange = new Exchange(call, upstream, pool, race, time);
            try
            {
                var result = await exchange.RunAsync(timeout);
                if (exchange.IsReusable) pool.GiveBack(exchange.Release(), cluster);
                // Not a retry: the connection was dead before the request, so it costs no budget.
                if (result.IsAnswered || !exchange.WasStale || !call.MayRepeat(nothingWasSent: false)) return result;
                mayBeStale = false;
                verdict.Refuse(0, "", "");
            }
            finally
            {
                exchange.Dispose();
            }
        }
    }

    private sealed partial class Exchange(ForwardedCall call, Http1Upstream first, Http1UpstreamPool pool, HedgeRace race, TimeProvider time) : IDisposable
    {
        private Http1Upstream? _upstream = first;
        private ResponseHead _head = call.Answer;
        private Refusal _bodyRefusal;

        /// <summary>The last bytes of the request's body are handed over, if not yet taken.</summary>
        private bool _sendsLast;

        public bool IsReusable { get; private set; }

        /// <summary>A used connection ended before it answered.</summary>
        public bool WasStale { get; private set; }

        /// <summary>Who answers: the one that was asked first, unless a second was asked and is better.</summary>
        private Http1Upstream Upstream => _upstream!;

        private byte[] Out => call.Workspace;

        public Http1Upstream Release()
        {
            var upstream = Upstream;
            _upstream = null;
            return upstream;
        }

        public void Dispose()
        {
            // Of a race somebody may still be reading.
            if (call.Verdict.Route!.Hedging is null) _upstream?.Retire();
            else _upstream?.Dispose();
            _upstream = null;
        }

        public async Task<AttemptResult> RunAsync(TimeSpan timeout)
        {
            var length = WriteRequest();
            if (length < 0) return Refused(Refusal.HeadTooLarge);
            call.Allow(timeout);
            var hasBody = call.Head.Body != BodyKind.None;
            using var uploading = hasBody ? CancellationTokenSource.CreateLinkedTokenSource(call.Aborted) : null;
            var upload = Task.CompletedTask;
            try
            {
                await Upstream.SendAsync(Out.AsMemory(0, length), call.Limit);
                if (!call.MayHedge) call.FreeWorkspace(); // the answer may take its time
                if (hasBody) upload = UploadAsync(Upstream, uploading!.Token);
                var status = call.MayHedge ? await RaceAsync(timeout) : await ReadFinalHeadAsync(Upstream, _head, call.Limit);
                if (status == ParseStatus.Refused) return call.Failed(502, "gateway.upstream_" + Refusals.CodeOf(_head.Refusal), "The upstream's answer cannot be understood in exactly one way.");
                if (status == ParseStatus.Incomplete) return Closed();
                call.Allow(Timeout.InfiniteTimeSpan);
                return await AnswerAsync(upload);
            }
            catch (OperationCanceledException) when (call.IsOverdue && !call.Context.Response.HasStarted)
            {
                return call.Failed(504, "gateway.upstream_timeout", "The upstream did not answer in time.");
            }
            catch (Exception failure) when (!call.Context.Response.HasStarted && ForwardedCall.IsUnreachable(failure))
            {
                return _bodyRefusal != Refusal.None ? Refused(_bodyRefusal) : Closed();
            }
            catch (Exception failure) when ((call.IsOverdue || ForwardedCall.IsUnreachable(failure)) && !call.Aborted.IsCancellationRequested)
            {
                return new(Outcome.FailedForGood, IsAnswered: Abort());
            }
            finally
            {
                if (uploading is not null)
                {
                    await uploading.CancelAsync();
                    await upload.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }

        private AttemptResult Closed()
        {
            if (_upstream is null) return call.Failed(502, "gateway.upstream_unreachable", "No upstream could be reached.");
            WasStale = _upstream.WasUsed;
            return call.Failed(502, "gateway.upstream_closed", "The upstream closed the connection before it answered.");
        }

        private AttemptResult Refused(Refusal refusal)
        {
            call.Verdict.Refuse(refusal);
            return new(Outcome.Abandoned);
        }

        private int WriteRequest()
        {
            call.Verdict.Cache?.PrepareRequest(call.Head);
            var writer = new HeadWriter(Out);
            ForwardedHeads.WriteRequest(ref writer, call.Head, call.Verdict);
            return writer.Overflowed ? -1 : writer.Length;
        }

        /// <summary>Interim answers stay here: the server sends its own "100 Continue" when the body is read.</summary>
        private async Task<ParseStatus> ReadFinalHeadAsync(Http1Upstream upstream, ResponseHead head, CancellationToken cancellationToken)
        {
            for (var interims = 0; interims <= InterimsMax; interims++)
            {
                var status = await upstream.ReadHeadAsync(head, call.Verdict.Snapshot!.HeadLimits, call.Head.Method == MethodKind.Head, call.Head.Upgrade, cancellationToken);
                if (status != ParseStatus.Complete || !head.IsInterim) return status;
            }
            head.Refusal = Refusal.StatusInvalid;
            return ParseStatus.Refused;
        }

        private async Task<AttemptResult> AnswerAsync(Task upload)
        {
            var outcome = _head.Status >= 500 ? Outcome.Failed : _head.Status >= 400 ? Outcome.Refused : Outcome.Succeeded;
            if (_head.Status is 502 or 503 or 504 && call.MayRepeat(nothingWasSent: false) && call.Attempts < call.Verdict.Arm!.Cluster.Config.RetriesMax && call.Verdict.Arm.Cluster.Budget.Available > 0)
                return call.Failed(_head.Status, "gateway.upstream_failed", "The upstream failed.");
            call.Verdict.Route!.Hedging?.Answered(race.Now - call.Started);
            if (call.Verdict.Shapes && !_head.IsSwitching) return await AnswerShapedAsync(outcome, upload);
            call.Status = _head.Status;
            ApplyHead(_head);
            if (_head.IsSwitching) return await TunnelAsync();
            call.FreeWorkspace(); // and so may the client
            var body = default(BodyTransfer);
            body.Begin(_head.Body, _head.ContentLength, writesChunks: false, long.MaxValue, call.Verdict.Snapshot!.HeadLimits);
            var keepAlive = _head.KeepAlive;
            if (!await DownloadAsync(body)) return new(Outcome.FailedForGood, IsAnswered: Abort());
            IsReusable = await MayBeReusedAsync(keepAlive, upload);
            return new(outcome, IsAnswered: true);
        }

        private void ApplyHead(ResponseHead head)
        {
            var writer = new HeadWriter(Out);
            ForwardedHeads.WriteResponse(ref writer, head, call.Verdict, BodyKind.None, keepAlive: true, clientIsHttp10: false);
            var own = call.Reply;
            if (writer.Overflowed || ResponseParser.Parse(Out, 0, writer.Length, OwnLimits, own, toHead: true, _head.IsSwitching) != ParseStatus.Complete)
                throw new IOException("The upstream's head is too large with what is added to it.");
            ContextReply.Apply(call.Context.Response, own);
        }

        private async ValueTask<bool> MayBeReusedAsync(bool keepAlive, Task upload)
        {
            if (!keepAlive || Upstream.Unread.Length > 0 || (call.Head.Body != BodyKind.None && call.Head.Method is MethodKind.Get or MethodKind.Head)) return false;
            // An answer to the whole body can overtake the end of its upload by the width of a thread switch.
            if (!upload.IsCompleted && Volatile.Read(ref _sendsLast)) await upload.WaitAsync(UploadEndTimeout, time, call.Aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return upload.IsCompletedSuccessfully;
        }

        private bool Abort()
        {
            call.Context.Abort(); // the client must see that this is not the whole
            return true;
        }

        private async Task<bool> DownloadAsync(BodyTransfer body)
        {
            var output = call.Context.Response.BodyWriter;
            for (var pieces = 1; !body.IsDone; pieces++)
            {
                if (pieces % PiecesPerTurnMax == 0) await Task.Yield();
                if (Upstream.Unread.Length == 0 && !await FillAsync()) return body.Kind == BodyKind.UntilClose;
                var written = Move(ref body, output, out var consumed);
                Upstream.Consume(consumed);
                if (body.Refusal != Refusal.None) return false;
                if (written == 0) continue;
                call.BytesOut += written;
                // Flushed at once: an event stream must not wait for more. The pipe's backpressure is the client's.
                if (!MayWaitForEnd(body.IsDone, written) && (await output.FlushAsync(call.Aborted)).IsCompleted) throw Left();
            }
            return true;
        }

        /// <summary>A small last piece and the end of its HTTP/2 stream leave in one write, when the server ends the stream.</summary>
        private bool MayWaitForEnd(bool isLast, int written) => isLast && written <= EndPieceBytesMax && HttpProtocol.IsHttp2(call.Context.Request.Protocol);

        /// <summary>No fault of the upstream, which must not count for its breaker.</summary>
        private static OperationCanceledException Left() => new("The client left.");

        /// <summary>Waits for the upstream as long as the route says.</summary>
        private async ValueTask<bool> FillAsync()
        {
            call.Allow(call.Verdict.Route!.StreamIdleTimeout);
            var isMore = await Upstream.FillAsync(call.Limit);
            call.Allow(Timeout.InfiniteTimeSpan);
            return isMore;
        }

        private int Move(ref BodyTransfer body, PipeWriter output, out int consumed)
        {
            var input = Upstream.Unread.Span;
            var written = consumed = 0;
            // In the server's own blocks: it would make a larger one for this piece alone, and thousands of them for clients that do not read.
            while (consumed < input.Length && !body.IsDone && body.Refusal == Refusal.None)
            {
                var block = output.GetSpan(OutputBytesMin);
                var writer = new HeadWriter(block);
                body.Move(input.Slice(consumed, Math.Min(block.Length, input.Length - consumed)), ref writer, out var taken);
                output.Advance(writer.Length);
                (consumed, written) = (consumed + taken, written + writer.Length);
            }
            return written;
        }

        private async Task UploadAsync(Http1Upstream upstream, CancellationToken cancellationToken)
        {
            try
            {
                await PassBodyAsync(upstream, cancellationToken);
            }
            catch (BadHttpRequestException broken)
            {
                // A part must not be taken for the whole, and who waits for the answer to it is told.
                _bodyRefusal = broken.StatusCode switch { StatusCodes.Status413PayloadTooLarge => Refusal.BodyTooLarge, StatusCodes.Status408RequestTimeout => Refusal.BodyTimeout, _ => Refusal.ChunkSizeInvalid };
                upstream.Dispose();
                throw;
            }
        }

        private async Task PassBodyAsync(Http1Upstream upstream, CancellationToken cancellationToken)
        {
            var reader = call.Context.Request.BodyReader;
            var chunked = call.Head.Body == BodyKind.Chunked;
            var prefix = new byte[16];
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                foreach (var part in read.Buffer)
                {
                    if (part.Length == 0) continue;
                    call.BodyBegun = true;
                    call.BytesIn += part.Length;
                    if (call.BytesIn > call.Verdict.Route!.BodyBytesMax) throw new BadHttpRequestException("The body is larger than this route takes.", StatusCodes.Status413PayloadTooLarge);
                    call.Copy?.Add(part.Span);
                    call.Kept?.Add(part.Span);
                    if (!chunked && call.BytesIn == call.Head.ContentLength) Volatile.Write(ref _sendsLast, true);
                    if (chunked) await upstream.SendAsync(prefix.AsMemory(0, ChunkPrefix(prefix, part.Length)), cancellationToken);
                    await upstream.SendAsync(part, cancellationToken);
                    if (chunked) await upstream.SendAsync("\r\n"u8.ToArray(), cancellationToken);
                }
                reader.AdvanceTo(read.Buffer.End);
                // What was announced is all there is: the upstream may answer it before its end is heard of.
                if (!read.IsCompleted && (chunked || call.BytesIn < call.Head.ContentLength)) continue;
                call.Copy?.End();
                Volatile.Write(ref _sendsLast, true);
                if (chunked) await upstream.SendAsync("0\r\n\r\n"u8.ToArray(), cancellationToken);
                call.Kept?.End();
                return;
            }
        }

        private static int ChunkPrefix(byte[] destination, int size)
        {
            var writer = new HeadWriter(destination);
            writer.WriteHex(size);
            writer.Write("\r\n"u8);
            return writer.Length;
        }

        private async Task<AttemptResult> TunnelAsync()
        {
            if (call.Context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade)
                return call.Failed(502, "gateway.upgrade_impossible", "This connection cannot become a tunnel.");
            await using var client = await upgrade.UpgradeAsync();
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
            var both = Task.WhenAll(ToClientAsync(client, ended), ToUpstreamAsync(client, ended));
            await both.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new(Outcome.Succeeded, IsAnswered: true);
        }

        private async Task ToClientAsync(Stream client, CancellationTokenSource ended)
        {
            try
            {
                do
                {
                    if (Upstream.Unread.Length == 0) continue;
                    await client.WriteAsync(Upstream.Unread, ended.Token);
                    Upstream.Consume(Upstream.Unread.Length);
                }
                while (await Upstream.FillAsync(ended.Token));
            }
            finally
            {
                await ended.CancelAsync(); // an ended side has nothing more to hear
            }
        }

        private async Task ToUpstreamAsync(Stream client, CancellationTokenSource ended)
        {
            try
            {
                int read;
                while ((read = await client.ReadAsync(Out, ended.Token)) > 0) await Upstream.SendAsync(Out.AsMemory(0, read), ended.Token);
            }
            finally
            {
                await ended.CancelAsync();
            }
        }
    }
}
