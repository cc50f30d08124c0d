using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>
/// One attempt over HTTP/2, multiplexed on few connections: for gRPC, whose bodies run both ways at once and whose status is a trailer. The framing is the
/// framework's; the fields are ours, rebuilt as for HTTP/1.1.
/// </summary>
internal sealed class Http2Forwarder : IDisposable
{
    private readonly HttpMessageInvoker _invoker;
    private readonly HedgeRace _race;
    private readonly TimeProvider _time;

    public Http2Forwarder(HedgeRace race, TimeProvider time)
    {
        (_race, _time) = (race, time);
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        });
    }

    public async Task<AttemptResult> TryAsync(ForwardedCall call, TimeSpan timeout)
    {
        call.Share(); // the client library may go on reading the body after it has answered
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        await using var timer = _time.CreateTimer(state => ((CancellationTokenSource)state!).Cancel(), limit, timeout, Timeout.InfiniteTimeSpan);
        // Either the race ends a contender, or it is who answers.
        var asked = new Asked(_invoker, call, call.Verdict.Target!, call.AttemptBegan, limit.Token);
        try
        {
            if (call.MayHedge) asked = await _race.RunAsync(call, asked, timeout, target => new Asked(_invoker, call, target, _race.Now, limit.Token), limit.Token);
            await asked.Answering;
            timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return await AnswerAsync(call, asked.Reply!);
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested && limit.IsCancellationRequested && !call.Context.Response.HasStarted)
        {
            return call.Failed(504, "gateway.upstream_timeout", "The upstream did not answer in time.");
        }
        catch (HttpRequestException failure) when (!call.Context.Response.HasStarted)
        {
            if (call.BytesIn > call.Verdict.Route!.BodyBytesMax)
            {
                call.Verdict.Refuse(Refusal.BodyTooLarge);
                return new(Outcome.Abandoned);
            }
            return failure.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
                ? call.Failed(502, "gateway.upstream_unreachable", "No upstream could be reached.", nothingWasSent: true)
                : call.Failed(502, "gateway.upstream_closed", "The upstream closed the connection before it answered.");
        }
        finally
        {
            await asked.DisposeAsync();
        }
    }

    public void Dispose() => _invoker.Dispose();

    private static HttpRequestMessage Message(ForwardedCall call, Target to)
    {
        // Rebuilt exactly as for HTTP/1.1, read back, and handed over field by field.
        var bytes = new byte[64 * 1024];
        var writer = new HeadWriter(bytes);
        ForwardedHeads.WriteRequest(ref writer, call.Head, call.Verdict);
        var head = new RequestHead();
        if (writer.Overflowed || RequestParser.Parse(bytes, 0, writer.Length, HeadLimits.Default with { HeadBytesMax = ushort.MaxValue, EncodedSlashAllowed = true }, head) != ParseStatus.Complete)
            throw new IOException("The request is too large with what is added to it.");
        var target = Encoding.Latin1.GetString(head.Path) + (head.HasQuery ? "?" + Encoding.Latin1.GetString(head.Query) : "");
        var scheme = call.Verdict.Arm!.Cluster.Config.UpstreamTls ? "https://" : "http://";
        var message = new HttpRequestMessage(new System.Net.Http.HttpMethod(Encoding.ASCII.GetString(head.MethodName)), new Uri(scheme + to.Endpoint.Id + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (call.Head.Body != BodyKind.None) message.Content = call.IsHedged ? new ReadOnlyMemoryContent(call.Kept!.Bytes) : new BodyContent(call);
        for (var i = 0; i < head.FieldCount; i++)
        {
            if (head.Fields[i].Dropped) continue;
            var (name, value) = (Encoding.Latin1.GetString(head.NameAt(i)), Encoding.Latin1.GetString(head.ValueAt(i)));
            if (head.Fields[i].Known == KnownField.Host) message.Headers.Host = value;
            else if (!message.Headers.TryAddWithoutValidation(name, value)) message.Content?.Headers.TryAddWithoutValidation(name, value);
        }
        if (call.Head.Has(KnownField.Te)) message.Headers.TryAddWithoutValidation("TE", "trailers"); // gRPC asks for it on every hop
        return message;
    }

    private async Task<AttemptResult> AnswerAsync(ForwardedCall call, HttpResponseMessage reply)
    {
        var response = call.Context.Response;
        var status = (int)reply.StatusCode;
        if (status is 502 or 503 or 504 && call.MayRepeat(nothingWasSent: false) && call.Attempts < call.Verdict.Arm!.Cluster.Config.RetriesMax && call.Verdict.Arm.Cluster.Budget.Available > 0)
            return call.Failed(status, "gateway.upstream_failed", "The upstream failed.");
        if (!TryApply(call, reply)) return call.Failed(502, "gateway.upstream_control_character", "The upstream's answer cannot be understood in exactly one way.");
        call.Status = status;
        call.Verdict.Route!.Hedging?.Answered(_race.Now - call.Started);
        try
        {
            await using var body = await reply.Content.ReadAsStreamAsync(call.Aborted);
            await response.StartAsync(call.Aborted);
            var writer = response.BodyWriter;
            int read;
            while ((read = await body.ReadAsync(writer.GetMemory(4096), call.Aborted)) > 0)
            {
                writer.Advance(read);
                call.BytesOut += read;
                if ((await writer.FlushAsync(call.Aborted)).IsCompleted) throw new OperationCanceledException("The client left.");
            }
        }
        catch (HttpRequestException)
        {
            call.Context.Abort(); // cut in the middle: the client must see that
            return new(Outcome.FailedForGood, IsAnswered: true);
        }
        if (response.SupportsTrailers())
        {
            foreach (var (name, values) in reply.TrailingHeaders) response.AppendTrailer(name, values.ToArray());
        }
        return new(status >= 500 ? Outcome.Failed : status >= 400 ? Outcome.Refused : Outcome.Succeeded, IsAnswered: true);
    }

    /// <summary>Writes the upstream's head down as HTTP/1.1 and lets the strict core read it, as everything else.</summary>
    private static bool TryApply(ForwardedCall call, HttpResponseMessage reply)
    {
        var bytes = new byte[64 * 1024];
        var writer = new HeadWriter(bytes);
        writer.Write("HTTP/1.1 "u8);
        writer.WriteDecimal((int)reply.StatusCode);
        writer.Write(" \r\n"u8);
        foreach (var (name, values) in reply.Headers.NonValidated.Concat(reply.Content.Headers.NonValidated))
        {
            foreach (var value in values)
            {
                if (value.AsSpan().ContainsAny('\r', '\n', '\0')) return false;
                writer.Field(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
            }
        }
        writer.Write("\r\n"u8);
        var limits = HeadLimits.Default with { HeadBytesMax = ushort.MaxValue };
        var head = new ResponseHead();
        if (writer.Overflowed || ResponseParser.Parse(bytes, 0, writer.Length, limits, head, toHead: true, upgradeAsked: false) != ParseStatus.Complete) return false;
        var own = new byte[64 * 1024];
        var ownWriter = new HeadWriter(own);
        ForwardedHeads.WriteResponse(ref ownWriter, head, call.Verdict, BodyKind.None, keepAlive: true, clientIsHttp10: false);
        var applied = new ResponseHead();
        if (ownWriter.Overflowed || ResponseParser.Parse(own, 0, ownWriter.Length, limits, applied, toHead: true, upgradeAsked: false) != ParseStatus.Complete) return false;
        ContextReply.Apply(call.Context.Response, applied);
        return true;
    }

    /// <summary>A stream to a target; what is left of it is reset in the end.</summary>
    private sealed class Asked : Contender
    {
        private readonly CancellationTokenSource _limit;
        private readonly HttpRequestMessage _message;

        public Asked(HttpMessageInvoker invoker, ForwardedCall call, Target target, long began, CancellationToken limit)
            : base(target, began)
        {
            _limit = CancellationTokenSource.CreateLinkedTokenSource(limit);
            _message = Message(call, target);
            Answering = AskAsync(invoker);
        }

        public HttpResponseMessage? Reply { get; private set; }

        public override Task<bool> Answering { get; }

        public override async ValueTask DisposeAsync()
        {
            await _limit.CancelAsync();
            await ((Task)Answering).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Reply?.Dispose();
            _message.Dispose();
            _limit.Dispose();
        }

        private async Task<bool> AskAsync(HttpMessageInvoker invoker)
        {
            Reply = await invoker.SendAsync(_message, _limit.Token);
            return (int)Reply.StatusCode < 500;
        }
    }

    /// <summary>The client's body, passed on as it comes; both directions run at once.</summary>
    private sealed class BodyContent(ForwardedCall call) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => CopyAsync(stream, call.Aborted);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => CopyAsync(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = call.Head.ContentLength;
            return call.Head.Body == BodyKind.Length;
        }

        private async Task CopyAsync(Stream stream, CancellationToken cancellationToken)
        {
            await stream.FlushAsync(cancellationToken); // the head goes out before the first message of a stream
            var reader = call.Context.Request.BodyReader;
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                foreach (var part in read.Buffer)
                {
                    call.BodyBegun = true;
                    call.BytesIn += part.Length;
                    if (call.BytesIn > call.Verdict.Route!.BodyBytesMax) throw new BadHttpRequestException("The body is larger than this route takes.", StatusCodes.Status413PayloadTooLarge);
                    call.Copy?.Add(part.Span);
                    call.Kept?.Add(part.Span);
                    await stream.WriteAsync(part, cancellationToken);
                }
                await stream.FlushAsync(cancellationToken);
                reader.AdvanceTo(read.Buffer.End);
                if (!read.IsCompleted) continue;
                call.Copy?.End();
                call.Kept?.End();
                return;
            }
        }
    }
}
