using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Lean;

/// <content>
/// Routes that cache or compress: what is served from the cache, who waits for whom, and bodies that do not just pass. Compressing goes a piece at a time, after which
/// others have their turn.
/// </content>
internal sealed partial class Exchange
{
    /// <summary>A stored body is handed to the kernel in pieces that a buffer takes when the kernel does not.</summary>
    private const int StoredPieceBytes = 64 * 1024;

    private BodyPipe? _pipe;
    private Coding _coding;
    private bool _chunks;
    private byte[]? _storedBody;
    private int _storedAt;
    private int _waitTicket;
    private bool _isWoken;
    private Action? _wake;

    /// <summary>Another turn, asked for by <see cref="ClientConnection.ResumeSoon"/>.</summary>
    public void OnResumed()
    {
        var client = _client!;
        if (client.Readable)
        {
            OnClientReadable();
            if (_client != client || !client.IsOpen) return;
        }
        if (_phase == Phase.Waiting)
        {
            if (_isWoken) LookAgain(gaveUp: false);
        }
        else if (_phase == Phase.Streaming && !client.HasPending)
        {
            if (_storedBody is not null) PumpStored();
            else OnUpstreamReadable();
        }
    }

    private void FollowCache(RequestHead head)
    {
        var cache = Verdict.Cache!;
        while (cache.Step == CacheStep.Wait)
        {
            if (TryWait(cache)) return;
            cache.LookAgain(head, Verdict, Loop.Time.Nanoseconds, gaveUp: false);
            EdgeSnapshot.EnterBehindCache(head, Verdict, Loop.Time.Nanoseconds);
        }
        if (Verdict.Status != 0)
        {
            Reply();
        }
        else if (cache.Step == CacheStep.Serve)
        {
            ServeStored(head);
        }
        else
        {
            Verdict.Arm!.Cluster.Budget.OnCall();
            Attempt(head);
        }
    }

    private bool TryWait(CacheCall cache)
    {
        var ticket = ++_waitTicket;
        // Whoever ends the flight may be another loop's thread, or none.
        _wake = () => Loop.Post(() => Wake(ticket));
        if (!cache.Flight!.TryWait(_wake, cache.WaitersMax)) return false;
        _phase = Phase.Waiting;
        _isWoken = false;
        _client!.SetDeadline(cache.WaitMax);
        return true;
    }

    private void Wake(int ticket)
    {
        if (ticket != _waitTicket || _phase != Phase.Waiting || _client is not { } client) return;
        _isWoken = true;
        client.ResumeSoon();
    }

    private void LookAgain(bool gaveUp)
    {
        StopWaiting();
        _phase = Phase.Connecting;
        var head = ReadAgain();
        Verdict.Cache!.LookAgain(head, Verdict, Loop.Time.Nanoseconds, gaveUp);
        EdgeSnapshot.EnterBehindCache(head, Verdict, Loop.Time.Nanoseconds);
        FollowCache(head);
    }

    private void StopWaiting()
    {
        _waitTicket++;
        if (_wake is null) return;
        Verdict.Cache?.Flight?.StopWaiting(_wake);
        _wake = null;
    }

    private void ServeStored(RequestHead request)
    {
        var client = _client!;
        var reply = StoredReply.Of(Verdict.Cache!.Stored!, request, Verdict.Route!.Compressor);
        if (reply.Encoder is { } encoder) _pipe = new BodyPipe(null, encoder, Verdict.Cache.CaptureEncoded());
        _coding = reply.Coding;
        _status = reply.Head.Status;
        _phase = Phase.Streaming;
        _chunks = _pipe is not null && !_http10;
        _keepAlive &= _request.IsDone && !Loop.Draining && !(_pipe is not null && _http10);
        _response.Begin(reply.Length > 0 ? BodyKind.Length : BodyKind.None, reply.Length, writesChunks: false, long.MaxValue, HeadLimits.Default);
        (_storedBody, _storedAt) = (reply.Body, reply.Offset);

        var writer = new HeadWriter(Loop.Out);
        var framing = _pipe is null ? BodyKind.Length : _http10 ? BodyKind.UntilClose : BodyKind.Chunked;
        ForwardedHeads.WriteResponse(ref writer, reply.Head, Verdict, framing, _keepAlive, _http10);
        if (_pipe is null && reply.Length <= StoredPieceBytes) WriteStored(ref writer, reply.Length);
        if (writer.Overflowed || !client.Send(Loop.Out.AsSpan(0, writer.Length)))
        {
            client.Close();
            return;
        }
        PumpStored();
    }

    private void PumpStored()
    {
        var client = _client!;
        while (!_response.IsDone && !client.HasPending)
        {
            var writer = new HeadWriter(Loop.Out);
            WriteStored(ref writer, (int)Math.Min(_response.Remaining, _pipe is null ? StoredPieceBytes : BodyPipe.PieceBytes));
            if (writer.Overflowed || !client.Send(Loop.Out.AsSpan(0, writer.Length)))
            {
                client.Close();
                return;
            }
            if (_pipe is null || _response.IsDone) continue;
            client.WatchProgress(client.BytesSent);
            client.ResumeSoon();
            return;
        }
        if (_response.IsDone) Complete(_keepAlive);
        else client.WatchProgress(client.BytesSent);
    }

    private void WriteStored(ref HeadWriter writer, int count)
    {
        var piece = _storedBody.AsSpan(_storedAt, count);
        _storedAt += _response.Take(count);
        if (_pipe is null) writer.Write(piece);
        else PassBody(ref writer, piece, flush: false);
    }

    private void BeginShaped(byte[] buffer, int start, int end)
    {
        var client = _client!;
        var head = Loop.ResponseHead;
        var request = ReadAgain();
        var cache = Verdict.Cache;
        cache?.OnResponse(head, request, Verdict, Loop.Time);
        if (cache is { Step: CacheStep.Serve })
        {
            // Validated, or in place of an error, whose body nobody reads.
            _upstreamReusable = head.Body == BodyKind.None && head.KeepAlive && _upstreamReusableRequest && start == end;
            EndUpstream();
            ServeStored(request);
            return;
        }
        var reply = ForwardedReply.Of(head, request, cache, Verdict.Route!.Compressor);
        (_pipe, _coding) = (reply.Pipe, reply.Coding);
        if (_pipe is null)
        {
            Forward(reply.Head, buffer, start, end);
            return;
        }
        var unknownLength = _pipe.IsEncoding || head.Body is BodyKind.Chunked or BodyKind.UntilClose;
        _attemptNanoseconds = Loop.Time.Nanoseconds - _attemptStarted;
        _status = reply.Head.Status;
        _phase = Phase.Streaming;
        _upstreamReusable = head.KeepAlive && _upstreamReusableRequest;
        _chunks = unknownLength && !_http10 && !_pipe.IsMuted;
        _keepAlive &= _request.IsDone && !Loop.Draining && !(unknownLength && _http10 && !_pipe.IsMuted);
        _response.Begin(head.Body, head.ContentLength, writesChunks: false, long.MaxValue, Loop.Snapshot.HeadLimits);

        var writer = new HeadWriter(Loop.Out);
        var framing = _pipe.IsMuted ? BodyKind.None : !unknownLength ? head.Body : _http10 ? BodyKind.UntilClose : BodyKind.Chunked;
        ForwardedHeads.WriteResponse(ref writer, reply.Head, Verdict, framing, _keepAlive, _http10);
        var understood = TryDecode(buffer.AsSpan(start, end - start), out var length);
        if (understood) PassBody(ref writer, buffer.AsSpan(start, length), flush: IsLive);
        if (writer.Overflowed || !understood)
        {
            _phase = Phase.AwaitingHead; // nothing was sent yet, so the client can still be told
            DropPipe();
            FailUnderstanding(understood ? Refusal.HeadTooLarge : _response.Refusal);
            return;
        }
        DeliverPiped(client, Loop.Out.AsSpan(0, writer.Length), understood: true);
    }

    /// <summary>Nobody knows how much is still to come: what is here may be an event that a reader waits for.</summary>
    private bool IsLive => _response.Kind != BodyKind.Length && !_upstream!.Readable;

    /// <summary>One read of the upstream; false when the rest has to wait for another turn.</summary>
    private bool PipeBody(ClientConnection client, UpstreamConnection upstream)
    {
        var encodes = _pipe!.IsEncoding;
        var received = upstream.Receive(encodes ? Loop.In.AsSpan(0, BodyPipe.PieceBytes) : Loop.In);
        if (received == -1) return true;
        var writer = new HeadWriter(Loop.Out);
        if (received <= 0)
        {
            _upstreamReusable = false;
            var ended = received == 0 && _response.TryEnd(ref writer);
            if (ended)
            {
                PassBody(ref writer, default, flush: false);
            }
            else
            {
                Loop.Counters.UpstreamFaults++;
                _outcome = Outcome.FailedForGood;
            }
            DeliverPiped(client, Loop.Out.AsSpan(0, writer.Length), ended);
            return true;
        }
        var understood = TryDecode(Loop.In.AsSpan(0, received), out var length);
        if (understood) PassBody(ref writer, Loop.In.AsSpan(0, length), flush: IsLive);
        DeliverPiped(client, Loop.Out.AsSpan(0, writer.Length), understood && !writer.Overflowed);
        if (!encodes || client != _client || !upstream.Readable) return true;
        client.ResumeSoon();
        return false;
    }

    /// <summary>Takes the framing off, in place: what is written never overtakes what is read.</summary>
    private bool TryDecode(Span<byte> bytes, out int length)
    {
        if (_response.IsVerbatim || _response.IsDone)
        {
            length = _response.IsDone ? 0 : _response.Take(bytes.Length);
            if (length < bytes.Length) _upstreamReusable = false;
            return true;
        }
        var writer = new HeadWriter(bytes);
        var understood = _response.Move(bytes, ref writer, out var consumed);
        if (consumed < bytes.Length) _upstreamReusable = false;
        length = writer.Length;
        return understood;
    }

    private void PassBody(ref HeadWriter writer, ReadOnlySpan<byte> piece, bool flush)
    {
        var isLast = _response.IsDone;
        var leaving = _pipe!.Pass(piece, flush, isLast);
        if (_chunks) BodyPipe.WriteChunk(ref writer, leaving, isLast);
        else writer.Write(leaving);
        if (Verdict.Cache is not { } cache) return;
        if (_pipe.Capture is { IsGivenUp: true }) cache.OnCaptureGivenUp(Loop.Time.Nanoseconds);
        if (isLast) cache.OnBodyComplete(_pipe, _coding);
    }

    private void DeliverPiped(ClientConnection client, ReadOnlySpan<byte> bytes, bool understood)
    {
        if (_pipe is not { IsMuted: true, Capture: null or { IsGivenUp: true } } || _response.IsDone || !understood)
        {
            Deliver(client, bytes, understood);
            return;
        }
        // The client has its answer, and nobody wants the rest.
        _upstreamReusable = false;
        if (bytes.Length > 0 && !client.Send(bytes)) client.Close();
        else Complete(_keepAlive);
    }

    private void DropPipe()
    {
        _pipe?.Dispose();
        _pipe = null;
    }

    /// <summary>The exchange is over, however.</summary>
    private void EndShaped()
    {
        StopWaiting();
        DropPipe();
        _storedBody = null;
        Verdict.Cache?.End();
    }
}
