using System.Buffers;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>How an attempt ended. Not answered: the verdict says what the client gets when nothing else is tried.</summary>
internal readonly record struct AttemptResult(Outcome Outcome, bool IsAnswered = false, bool NothingWasSent = false);

/// <summary>
/// One request on its way through the Kestrel front, with the buffers, heads and the time limit that it needs: reused by the next request, since making them
/// anew cost more than everything that is done with them.
/// </summary>
internal sealed class ForwardedCall(TimeProvider time)
{
    /// <summary>A head as it is sent on, with what is added to it.</summary>
    public const int WorkspaceBytes = 64 * 1024;

    private readonly HttpContextHead _head = new();
    private readonly DefaultHttpContext _context = new();
    private CancellationTokenSource _limit = new(Timeout.InfiniteTimeSpan, time);
    private CancellationTokenRegistration _leaving;
    private byte[]? _workspace;
    private bool _isShared;

    public HttpContext Context => _context;

    /// <summary>The client left, or was sent away.</summary>
    public CancellationToken Aborted { get; private set; }

    /// <summary>The time that <see cref="Allow"/> gave is over, or the client left.</summary>
    public CancellationToken Limit => _limit.Token;

    public bool IsOverdue => _limit.IsCancellationRequested && !Aborted.IsCancellationRequested;

    public EdgeVerdict Verdict { get; } = new();

    public RequestHead Head => _head.Head;

    /// <summary>Where heads are written. Rented when it is first used; whoever begins to wait for a peer, and needs nothing of it any more, frees it.</summary>
    public byte[] Workspace => _workspace ??= ArrayPool<byte>.Shared.Rent(WorkspaceBytes);

    /// <summary>What the upstream said.</summary>
    public ResponseHead Answer { get; } = new();

    /// <summary>What the client gets of it.</summary>
    public ResponseHead Reply { get; } = new();

    public bool IsUnderstood { get; private set; }

    /// <summary>Bytes of the request's body were taken, so it cannot be sent again.</summary>
    public bool BodyBegun { get; set; }

    /// <summary>What a mirror gets of it; null when none does.</summary>
    public MirrorCopy? Copy { get; set; }

    /// <summary>What a second target would get of it; null when the request has no body, or is not hedged.</summary>
    public KeptBody? Kept { get; set; }

    /// <summary>A second target was asked, which happens once.</summary>
    public bool IsHedged { get; set; }

    public long Started { get; set; }

    public int Attempts { get; set; }

    /// <summary>When the attempt began that is answered; of two in a race, that of who won.</summary>
    public long AttemptBegan { get; set; }

    public long AttemptNanoseconds { get; set; }

    public int Status { get; set; }

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    public ForwardedCall Begin(IFeatureCollection features)
    {
        _context.Initialize(features);
        Aborted = _context.RequestAborted;
        FollowLeaving();
        IsUnderstood = BodyBegun = IsHedged = false;
        Copy = null;
        Kept = null;
        Attempts = Status = 0;
        AttemptNanoseconds = BytesIn = BytesOut = 0;
        return this;
    }

    /// <summary>True when the next request may have it: nothing that this one began can still touch it.</summary>
    public bool TryEnd()
    {
        // A limit that was reached, or is just being ended because the client leaves, stays behind: nothing else of the call is known to it.
        if (!_leaving.Unregister() || !_limit.TryReset()) _limit = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        if (!_isShared) FreeWorkspace();
        Aborted = default;
        Copy = null;
        Kept = null;
        Verdict.Clear();
        _context.Uninitialize();
        return !_isShared;
    }

    /// <summary>Somebody may go on with it after its end, so that it is not used again.</summary>
    public void Share() => _isShared = true;

    /// <summary>From now on; each call begins anew, and a limit that has passed is forgotten.</summary>
    public void Allow(TimeSpan duration)
    {
        if (IsOverdue)
        {
            _leaving.Unregister();
            _limit = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
            FollowLeaving();
        }
        _limit.CancelAfter(duration);
    }

    public void FreeWorkspace()
    {
        if (_workspace is not { } workspace) return;
        _workspace = null;
        ArrayPool<byte>.Shared.Return(workspace);
    }

    public Refusal Read(HeadLimits limits)
    {
        var refusal = _head.Read(Context, limits);
        IsUnderstood = refusal == Refusal.None;
        return refusal;
    }

    public bool MayRepeat(bool nothingWasSent) => !BodyBegun && (nothingWasSent || Head.IsIdempotent);

    /// <summary>A second target may be asked, when the first has not answered after a while. Retries have waited already.</summary>
    public bool MayHedge => Verdict.Route!.Hedging is not null && !IsHedged && Attempts == 0 && Head is { IsIdempotent: true, Upgrade: false };

    /// <summary>The attempt failed with what the client gets if no other is made.</summary>
    public AttemptResult Failed(int status, string code, string detail, bool nothingWasSent = false)
    {
        Verdict.Refuse(status, code, detail);
        return new(Outcome.Failed, IsAnswered: false, nothingWasSent);
    }

    public static bool IsUnreachable(Exception failure) => failure is SocketException or IOException or ObjectDisposedException;

    /// <summary>The client's leaving ends the limit of that moment, and never one of a later request.</summary>
    private void FollowLeaving() => _leaving = Aborted.UnsafeRegister(static limit => ((CancellationTokenSource)limit!).Cancel(), _limit);
}
