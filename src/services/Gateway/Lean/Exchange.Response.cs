using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Lean;

/// <content>The response, from the upstream to the client.</content>
internal sealed partial class Exchange
{
    /// <summary>Interim responses (100, 103) per request; an upstream that sends more is broken.</summary>
    private const int InterimsMax = 16;

    private byte[]? _partial;
    private int _partialEnd;

    public void OnUpstreamReadable()
    {
        if (_phase == Phase.Tunnel)
        {
            PumpToClient();
            return;
        }
        if (IsRacing)
        {
            OnRaceReadable(_upstream!);
            return;
        }
        // Each step may end the exchange, after which another request may already use this object: look at whom we serve.
        var (client, upstream) = (_client, _upstream);
        var reads = 0;
        while (upstream is not null && upstream == _upstream && _phase != Phase.RetryWait && client == _client && upstream.Readable && !client!.HasPending)
        {
            if (_phase == Phase.Tunnel) return;
            if (reads++ == ReadsPerTurnMax)
            {
                upstream.Queue();
                return;
            }
            if (_phase == Phase.Streaming && _pipe is not null)
            {
                if (!PipeBody(client, upstream)) return;
            }
            else if (_phase == Phase.Streaming) StreamBody(client, upstream);
            else ReadResponseHead(upstream);
        }
    }

    /// <summary>The client took what was pending: go on reading the upstream.</summary>
    public void OnClientFlushed()
    {
        if (_phase == Phase.Tunnel)
        {
            PumpToClient();
            return;
        }
        if (_storedBody is not null)
        {
            PumpStored();
            return;
        }
        if (_phase == Phase.Streaming) _client!.SetDeadline(Verdict.Route!.StreamIdleTimeout);
        else if (_partial is not null) ReadPartial();
        OnUpstreamReadable();
    }

    private void ReadResponseHead(UpstreamConnection upstream)
    {
        var destination = _partial is null ? Loop.In : _partial.AsSpan(_partialEnd);
        var received = upstream.Receive(destination);
        if (received == -1) return;
        if (received <= 0)
        {
            UpstreamLost(upstream);
            return;
        }
        if (_partial is null)
        {
            ReadResponse(Loop.In, received);
            return;
        }
        _partialEnd += received;
        ReadPartial();
    }

    private void ReadPartial()
    {
        // The bytes move to the scratch buffer, so that one path handles them.
        var length = _partialEnd;
        _partial.AsSpan(0, length).CopyTo(Loop.In);
        DropPartial();
        ReadResponse(Loop.In, length);
    }

    private void ReadResponse(byte[] buffer, int end)
    {
        var client = _client!;
        var head = Loop.ResponseHead;
        var start = 0;
        while (start < end)
        {
            switch (ResponseParser.Parse(buffer, start, end, Loop.Snapshot.HeadLimits, head, _toHead, _upgradeAsked))
            {
                case ParseStatus.Refused:
                    FailUnderstanding(head.Refusal);
                    return;
                case ParseStatus.Incomplete:
                    KeepPartial(buffer.AsSpan(start, end - start));
                    return;
            }
            if (!head.IsInterim)
            {
                if (head.IsSwitching) BeginTunnel(buffer, start + head.Length, end);
                else BeginResponse(buffer, start + head.Length, end);
                return;
            }
            start += head.Length;
            if (++_interims > InterimsMax)
            {
                CloseUpstream(Outcome.Failed);
                Fail(502, "gateway.upstream_too_many_interims", "The upstream sent too many interim responses.");
                return;
            }
            if (_http10 || head.Status is not (100 or 103)) continue;
            var writer = new HeadWriter(Loop.Out);
            ForwardedHeads.WriteResponse(ref writer, head, Verdict, BodyKind.None, keepAlive: true, clientIsHttp10: false);
            if (!client.Send(Loop.Out.AsSpan(0, writer.Length)))
            {
                client.Close();
                return;
            }
            if (!client.HasPending) continue;
            if (start < end) KeepPartial(buffer.AsSpan(start, end - start));
            return;
        }
    }

    private void BeginResponse(byte[] buffer, int start, int end)
    {
        var head = Loop.ResponseHead;
        _outcome = head.Status >= 500 ? Outcome.Failed : head.Status >= 400 ? Outcome.Refused : Outcome.Succeeded;
        if (head.Status is 502 or 503 or 504 && _idempotent && _replayable && TryRepeatLater())
        {
            CloseUpstream(Outcome.Failed);
            return;
        }
        Verdict.Route!.Hedging?.Answered(Loop.Time.Nanoseconds - _started);
        if (Verdict.Shapes) BeginShaped(buffer, start, end);
        else Forward(head, buffer, start, end);
    }

    private void Forward(ResponseHead head, byte[] buffer, int start, int end)
    {
        var client = _client!;
        var unknownLength = head.Body is BodyKind.Chunked or BodyKind.UntilClose;
        _attemptNanoseconds = Loop.Time.Nanoseconds - _attemptStarted;
        _status = head.Status;
        _phase = Phase.Streaming;
        _upstreamReusable = head.KeepAlive && _upstreamReusableRequest;
        // A body that nobody will read to its end, or an end that only closing can tell, ends the connection too.
        _keepAlive &= _request.IsDone && !Loop.Draining && !(unknownLength && _http10);
        _response.Begin(head.Body, head.ContentLength, writesChunks: unknownLength && !_http10, long.MaxValue, Loop.Snapshot.HeadLimits);

        var writer = new HeadWriter(Loop.Out);
        var framing = !unknownLength ? head.Body : _http10 ? BodyKind.UntilClose : BodyKind.Chunked;
        ForwardedHeads.WriteResponse(ref writer, head, Verdict, framing, _keepAlive, _http10);
        var consumed = 0;
        var understood = _response.IsDone || _response.Move(buffer.AsSpan(start, end - start), ref writer, out consumed);
        if (writer.Overflowed || !understood)
        {
            _phase = Phase.AwaitingHead; // nothing was sent yet, so the client can still be told
            FailUnderstanding(understood ? Refusal.HeadTooLarge : _response.Refusal);
            return;
        }
        if (start + consumed < end) _upstreamReusable = false;
        Deliver(client, Loop.Out.AsSpan(0, writer.Length), understood: true);
    }

    private void StreamBody(ClientConnection client, UpstreamConnection upstream)
    {
        var received = upstream.Receive(Loop.BodyIn);
        if (received == -1) return;
        var writer = new HeadWriter(Loop.Out);
        if (received <= 0)
        {
            _upstreamReusable = false;
            // Cut in the middle: the client must see that too, so its connection ends without the end of the body.
            var ended = received == 0 && _response.TryEnd(ref writer);
            if (!ended)
            {
                Loop.Counters.UpstreamFaults++;
                _outcome = Outcome.FailedForGood;
            }
            Deliver(client, Loop.Out.AsSpan(0, writer.Length), ended);
            return;
        }
        var bytes = Loop.In.AsSpan(0, received);
        if (_response.IsVerbatim)
        {
            var taken = _response.Take(received);
            if (taken < received) _upstreamReusable = false;
            Deliver(client, bytes[..taken], understood: true);
            return;
        }
        var understood = _response.Move(bytes, ref writer, out var consumed);
        if (consumed < received) _upstreamReusable = false;
        Deliver(client, Loop.Out.AsSpan(0, writer.Length), understood);
    }

    private void Deliver(ClientConnection client, ReadOnlySpan<byte> bytes, bool understood)
    {
        if (!understood || (bytes.Length > 0 && !client.Send(bytes)))
        {
            client.Close();
            return;
        }
        if (_response.IsDone) Complete(_keepAlive);
        else if (client.HasPending) client.WatchProgress(client.BytesSent);
        else client.SetDeadline(Verdict.Route!.StreamIdleTimeout);
    }

    /// <summary>The upstream closed or reset before it answered.</summary>
    private void UpstreamLost(UpstreamConnection upstream)
    {
        var stale = upstream.WasUsed && _partial is null && _interims == 0;
        var mayBeStale = stale && _idempotent && _replayable && !_staleRetried;
        CloseUpstream(mayBeStale ? Outcome.Abandoned : Outcome.Failed);
        if (mayBeStale)
        {
            // Not a retry: the connection was dead before the request, so it costs no budget.
            Loop.Counters.StaleRetries++;
            _staleRetried = true;
            AttemptAgain();
            return;
        }
        if (TryRepeatLater()) return;
        Fail(502, "gateway.upstream_closed", "The upstream closed the connection before it answered.");
    }

    private void FailUnderstanding(Refusal refusal)
    {
        CloseUpstream(Outcome.Failed);
        Fail(502, "gateway.upstream_" + Refusals.CodeOf(refusal), "The upstream's answer cannot be understood in exactly one way.");
    }

    private void KeepPartial(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= BufferPool.SmallBytes)
        {
            FailUnderstanding(Refusal.HeadTooLarge);
            return;
        }
        _partial = Loop.Buffers.Rent(BufferPool.SmallBytes);
        bytes.CopyTo(_partial);
        _partialEnd = bytes.Length;
    }

    private void DropPartial()
    {
        if (_partial is null) return;
        Loop.Buffers.Return(_partial);
        _partial = null;
        _partialEnd = 0;
    }
}
