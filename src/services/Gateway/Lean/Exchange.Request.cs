using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Lean;

/// <content>The request body, from the client to the upstream.</content>
internal sealed partial class Exchange
{
    /// <summary>A read of a chunked body may bring bytes of the next request, which must fit into the client's buffer.</summary>
    private const int ChunkedReadBytes = 8 * 1024;

    public void OnClientReadable()
    {
        var client = _client!;
        if (client.PeerClosed && (_phase != Phase.Tunnel))
        {
            client.Close();
            return;
        }
        if (_phase == Phase.Tunnel) PumpToUpstream();
        else if (!_request.IsDone) PumpRequest();
        // Otherwise the bytes are the next request: they wait in the kernel until this one is answered.
    }

    public void OnUpstreamFlushed()
    {
        if (_phase == Phase.Tunnel)
        {
            PumpToUpstream();
            return;
        }
        if (!_request.IsDone) PumpRequest();
        else if (_phase == Phase.AwaitingHead) ArmForRequest();
    }

    public void OnUpstreamWriteFailed()
    {
        // It may have answered before it closed ("413", then gone): what it said is still to be read.
        _upstreamReusable = false;
        var upstream = _upstream!;
        upstream.Readable = true;
        OnUpstreamReadable();
    }

    private void BeginRequestBody(RequestHead head)
    {
        _bodyBuffered = 0;
        var bytesMax = Verdict.Route?.BodyBytesMax ?? 0;
        _request.Begin(head.Body, head.ContentLength, writesChunks: head.Body == BodyKind.Chunked, bytesMax, Loop.Snapshot.HeadLimits);
    }

    /// <summary>The body bytes that came with the head; false when they were refused, and the refusal is answered.</summary>
    private bool MoveBuffered(ref HeadWriter writer)
    {
        var client = _client!;
        var behindHead = client.InboundStart + _headLength;
        if (!_request.IsDone && client.InboundEnd > behindHead
            && !_request.Move(client.Inbound.AsSpan(behindHead, client.InboundEnd - behindHead), ref writer, out _bodyBuffered))
        {
            Verdict.Refuse(_request.Refusal);
            _keepAlive = false;
            _outcome = Outcome.Abandoned;
            CloseUpstream(Outcome.Abandoned);
            Reply();
            return false;
        }
        if (!writer.Overflowed) return true;
        _outcome = Outcome.Abandoned;
        Verdict.Refuse(Refusal.HeadTooLarge);
        CloseUpstream(Outcome.Abandoned);
        Reply();
        return false;
    }

    /// <summary>A copy for the mirror, of the first attempt, and only when the whole request is here.</summary>
    private void Offer(Mirror mirror, RequestHead head, int headEnd, int end)
    {
        if (_attempts > 0 || _staleRetried || _upgradeAsked || !mirror.Takes(Verdict.Trace)) return;
        if (!_request.IsDone || end - headEnd > mirror.Config.BodyBytesMax) mirror.Skip();
        else mirror.Offer(Loop.Out.AsSpan(0, headEnd), Loop.Out.AsSpan(headEnd, end - headEnd), Verdict.HashKey, head.Method == MethodKind.Head);
    }

    /// <summary>For a reply that needs no body: a body that is wholly here is stepped over, so that the connection can live.</summary>
    private void SkipBuffered()
    {
        var client = _client!;
        var behindHead = client.InboundStart + _headLength + _bodyBuffered;
        if (client.InboundEnd <= behindHead) return;
        var nowhere = new HeadWriter(Loop.Out);
        if (!_request.Move(client.Inbound.AsSpan(behindHead, client.InboundEnd - behindHead), ref nowhere, out var consumed)) _keepAlive = false;
        _bodyBuffered += consumed;
    }

    private void PumpRequest()
    {
        var client = _client!;
        var upstream = _upstream;
        if (upstream is null || !upstream.IsConnected) return;
        var reads = 0;
        while (client.Readable && !upstream.HasPending && !_request.IsDone)
        {
            if (reads++ == ReadsPerTurnMax)
            {
                client.Queue();
                break;
            }
            var want = _request.Kind == BodyKind.Length ? (int)Math.Min(_request.Remaining, Loop.BodyIn.Length) : ChunkedReadBytes;
            var received = client.Receive(Loop.In.AsSpan(0, want));
            if (received == -1) break;
            if (received <= 0)
            {
                client.Close();
                return;
            }
            _replayable = false;
            var bytes = Loop.In.AsSpan(0, received);
            if (_request.IsVerbatim)
            {
                bytes = bytes[.._request.Take(received)];
            }
            else
            {
                var writer = new HeadWriter(Loop.Out);
                _request.Move(bytes, ref writer, out var consumed);
                if (consumed < received && !client.TryUnread(bytes[consumed..])) _keepAlive = false;
                bytes = Loop.Out.AsSpan(0, writer.Length);
            }
            if (_request.Refusal != Refusal.None)
            {
                RefuseBody();
                return;
            }
            if (bytes.Length > 0 && !upstream.Send(bytes))
            {
                OnUpstreamWriteFailed();
                return;
            }
        }
        if (_phase == Phase.AwaitingHead && _request.IsDone) ArmForRequest();
    }

    /// <summary>The body turned out to be broken or too large on its way: the upstream has a part of it and must not take it for the whole.</summary>
    private void RefuseBody()
    {
        _keepAlive = false;
        if (_phase == Phase.Streaming)
        {
            _client!.Close();
            return;
        }
        _outcome = Outcome.Abandoned;
        Verdict.Refuse(_request.Refusal);
        CloseUpstream(Outcome.Abandoned);
        Reply();
    }
}
