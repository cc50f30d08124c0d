using System.Text;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <content>The upstream's response: whether it is stored, and what the client gets.</content>
internal sealed partial class CacheCall
{
    private static ReadOnlySpan<byte> Name => "skyriff"u8;

    /// <summary>A request that may fill the cache asks without the client's conditions, or with those of what is stored.</summary>
    public void PrepareRequest(RequestHead head)
    {
        if (!_fills) return;
        for (var i = 0; i < head.FieldCount; i++)
        {
            if (Conditions.IsCondition(head.NameAt(i))) head.Fields[i].Dropped = true;
        }
    }

    public void WriteConditions(ref HeadWriter writer)
    {
        if (!_fills || Stored is not { Head: var stored }) return;
        if (stored.Has(KnownField.ETag)) writer.Field("If-None-Match"u8, stored.Value(KnownField.ETag));
        if (stored.Has(KnownField.LastModified)) writer.Field("If-Modified-Since"u8, stored.Value(KnownField.LastModified));
    }

    /// <summary>
    /// The upstream has answered. Afterwards <see cref="Step"/> says whether a stored response answers instead (validated, or in place of an error), and
    /// <see cref="Capture"/> is there when the body is to be kept.
    /// </summary>
    public void OnResponse(ResponseHead head, RequestHead request, EdgeVerdict verdict, EdgeTime time)
    {
        if (_why == Forwarded.Method)
        {
            InvalidateBy(head, request);
            return;
        }
        if (!_fills) return;
        _forwardStatus = head.Status;
        var at = new ReceivedAt(_requestNanoseconds, time.Nanoseconds, time.UnixSeconds);
        if (head.Status == 304 && Stored is { } validated)
        {
            var fresh = validated.Freshened(head, at, _route!);
            if (fresh is not null) _store.Put(_address, Key, fresh);
            else _store.Remove(_address, validated);
            Serve(fresh ?? validated, time.Nanoseconds);
            LandFlight();
            return;
        }
        if (head.Status >= 500 && TryHideError(time.Nanoseconds)) return;
        var says = CacheDirectives.Of(head);
        var why = Storability.Judge(_method, Asked, _hasCredentials, head, says, _route!.Config);
        var vary = why == NotStored.None ? VaryKey.Of(head, request, verdict) : null;
        if (vary is null)
        {
            // The stored one is not what the upstream says now.
            if (Stored is { } old && head.Status < 500) _store.Remove(_address, old);
            if (head.Status < 500) _store.MarkNotShared(_address, Key, _route.Generation, time.Nanoseconds + NotSharedNanoseconds);
            LandFlight();
            return;
        }
        var freshness = Freshness.Of(head, says, at, _route.Config);
        if (StoredResponse.Of(head, says, vary, freshness, _route, _isHttps, time.UnixSeconds) is not { } empty)
        {
            LandFlight();
            return;
        }
        _draft = empty;
        _capture = new BodyCapture(_store.Captures, _route.Config.EntryBytesMax);
    }

    /// <summary>The client asked on a condition that the response which is about to be forwarded answers: it has it already.</summary>
    public bool IsNotModified(ResponseHead head, RequestHead request) => _fills && head.Status == 200 && Conditions.IsNotModified(request, head);

    /// <summary>The body is whole: it is stored, and those who waited get it.</summary>
    public void OnBodyComplete(BodyPipe? pipe, Coding coding)
    {
        if (_capture is { IsGivenUp: false } capture && _draft is { } draft)
        {
            var stored = draft.WithBody(capture.Body);
            if (stored is not null)
            {
                if (pipe is { EncodedCapture: { IsGivenUp: false } encoded }) stored.Variants.TryAdd(coding, encoded.Body);
                _store.Put(_address, Key, stored);
            }
        }
        else if (_isServed && pipe is { EncodedCapture: { IsGivenUp: false } made } && Stored is { } served)
        {
            _store.AddVariant(_address, served, coding, made.Body);
        }
        _capture?.GiveUp();
        (_capture, _draft) = (null, null);
        LandFlight();
    }

    /// <summary>The body is too large to be kept: nobody needs to wait for it.</summary>
    public void OnCaptureGivenUp(long now)
    {
        if (_draft is null) return;
        _draft = null;
        _store.MarkNotShared(_address, Key, _route!.Generation, now + NotSharedNanoseconds);
        LandFlight();
    }

    /// <summary>A capture for the compressed form, when the response has or gets a place in the cache.</summary>
    public BodyCapture? CaptureEncoded() =>
        _route is not null && (_draft is not null || _isServed) ? new BodyCapture(_store.Captures, _route.Config.EntryBytesMax) : null;

    /// <summary><c>Age</c> of what is served from here, and what the cache did (RFC 9211).</summary>
    public void WriteFields(ref HeadWriter writer)
    {
        if (_route is null) return;
        if (_isServed) writer.Field("Age"u8, Stored!.Freshness.AgeAt(_servedNanoseconds));
        writer.Write("Cache-Status: "u8);
        writer.Write(Name);
        if (_isServed && _forwardStatus == 0 && !_hidError)
        {
            writer.Write(_wasCollapsed ? "; fwd=uri-miss; collapsed"u8 : "; hit"u8);
        }
        else if (_why != Forwarded.No)
        {
            writer.Write(_why switch
            {
                Forwarded.Bypass => "; fwd=bypass"u8,
                Forwarded.Method => "; fwd=method"u8,
                Forwarded.VaryMiss => "; fwd=vary-miss"u8,
                Forwarded.Request => "; fwd=request"u8,
                Forwarded.Stale => "; fwd=stale"u8,
                _ => "; fwd=uri-miss"u8,
            });
            if (_isServed && _forwardStatus > 0)
            {
                writer.Write("; fwd-status="u8);
                writer.WriteDecimal(_forwardStatus);
            }
            if (_draft is not null) writer.Write("; stored"u8);
        }
        if (_isServed)
        {
            writer.Write("; ttl="u8);
            writer.WriteDecimal(Stored!.Freshness.LeftAt(_servedNanoseconds));
        }
        writer.Write("\r\n"u8);
    }

    /// <summary>What was changed is out of date here, and so is what the response points to on the same host (RFC 9111 section 4.4).</summary>
    private void InvalidateBy(ResponseHead head, RequestHead request)
    {
        if (head.Status is < 200 or >= 400) return;
        _store.Invalidate(Key);
        if (head.TryGet("Location"u8, out var location)) InvalidateAt(location, request);
        if (head.TryGet("Content-Location"u8, out var contentLocation)) InvalidateAt(contentLocation, request);
    }

    private void InvalidateAt(ReadOnlySpan<byte> reference, RequestHead request)
    {
        var scheme = reference.StartsWith("https://"u8) ? 8 : reference.StartsWith("http://"u8) ? 7 : 0;
        if (scheme > 0)
        {
            var rest = reference[scheme..];
            var slash = rest.IndexOfAny((byte)'/', (byte)'?');
            var authority = slash < 0 ? rest : rest[..slash];
            if (authority.Length != request.Authority.Length || !Ascii.EqualsIgnoreCase(authority, request.Authority)) return;
            reference = slash < 0 ? "/"u8 : rest[slash..];
        }
        // Relative paths would have to be resolved first; servers send absolute ones.
        if (reference.Length == 0 || reference[0] != '/' || reference.StartsWith("//"u8)) return;
        var fragment = reference.IndexOf((byte)'#');
        if (fragment >= 0) reference = reference[..fragment];
        var query = reference.IndexOf((byte)'?');
        WriteKey(request.Authority, query < 0 ? reference : reference[..query], query >= 0, query < 0 ? default : reference[(query + 1)..]);
        _store.Invalidate(Key);
    }
}
