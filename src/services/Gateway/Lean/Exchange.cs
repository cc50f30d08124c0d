using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.Telemetry;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// One request and its response, from the decision to the last byte. Bodies flow both ways at once, and each side is read only as fast as the
/// other takes.
/// <code>
///   Connecting --established--> AwaitingHead --head--> Streaming --end--> back to the pool
///        \--refused: next target--/    \--stale, 503: RetryWait, again--/   \--101--> Tunnel
/// </code>
/// Reused for many requests, so that a request allocates nothing.
/// </summary>
internal sealed partial class Exchange(EventLoop loop)
{
    /// <summary>The first wait before a retry is 0 to this long, the next 0 to twice that.</summary>
    private static readonly TimeSpan RetryDelayBase = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromSeconds(1);

    /// <summary>Reads of a body in one turn of the loop; then the others have theirs, however fast both its ends are.</summary>
    private const int ReadsPerTurnMax = 2;

    private ClientConnection? _client;
    private UpstreamConnection? _upstream;
    private Phase _phase;
    private BodyTransfer _request;
    private BodyTransfer _response;
    private int _headLength;
    private int _bodyBuffered;
    private int _attempts;
    private int _interims;
    private bool _toHead;
    private bool _http10;
    private bool _keepAlive;
    private bool _idempotent;
    private bool _upgradeAsked;
    private bool _replayable;
    private bool _upstreamReusable;
    private bool _upstreamReusableRequest;
    private bool _staleRetried;
    private bool _attemptOpen;
    private Outcome _outcome;
    private int _status;
    private int _targetStart;
    private int _pathLength;
    private int _hostStart;
    private int _hostLength;
    private int _methodLength;
    private long _started;
    private long _attemptStarted;
    private long _attemptNanoseconds;
    private long _deadline;

    private enum Phase : byte
    {
        Connecting,
        AwaitingHead,
        Streaming,
        Tunnel,
        RetryWait,
        Waiting,
    }

    public EdgeVerdict Verdict { get; } = new();

    private EventLoop Loop { get; } = loop;

    public void Start(ClientConnection client, RequestHead head)
    {
        Begin(client);
        _headLength = head.Length;
        _toHead = head.Method == MethodKind.Head;
        _http10 = head.VersionMinor == 0;
        _keepAlive = head.KeepAlive;
        _idempotent = head.IsIdempotent;
        _upgradeAsked = head.Upgrade;
        // A server that does not expect a body with GET may take it for the next request.
        _upstreamReusableRequest = head.Body == BodyKind.None || head.Method is not (MethodKind.Get or MethodKind.Head);
        (_methodLength, _targetStart, _pathLength) = (head.MethodLength, head.PathStart - client.InboundStart, head.PathLength);
        (_hostStart, _hostLength) = (head.HostStart - client.InboundStart, head.HostNameLength);
        Loop.Snapshot.Decide(head, client.Peer, isHttps: false, Loop.Time, ref Loop.SpanIds, Verdict);
        BeginRequestBody(head);
        if (Verdict.Cache is not null)
        {
            FollowCache(head);
            return;
        }
        if (Verdict.Status != 0)
        {
            Reply();
            return;
        }
        Verdict.Arm!.Cluster.Budget.OnCall();
        Attempt(head);
    }

    /// <summary>Answers a head that was not understood, and ends the connection.</summary>
    public void RefuseUnread(ClientConnection client, Refusal refusal)
    {
        Begin(client);
        _headLength = _methodLength = _pathLength = _hostLength = 0;
        _toHead = _http10 = _keepAlive = false;
        _request.Begin(BodyKind.None, 0, false, 0, HeadLimits.Default);
        Verdict.Clear();
        Verdict.Client = client.Peer;
        Verdict.Trace = TraceContext.Continue(default, ref Loop.SpanIds);
        Verdict.Refuse(refusal);
        Reply();
    }

    public void OnConnected()
    {
        _phase = Phase.AwaitingHead;
        ArmForRequest();
    }

    public void OnConnectFailed()
    {
        Loop.Counters.ConnectFailures++;
        CloseUpstream(Outcome.Failed);
        if (MayRepeat(nothingWasSent: true)) AttemptAgain();
        else Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
    }

    /// <summary>The client left, or its connection was closed: whatever is under way ends at once.</summary>
    public void ClientGone()
    {
        Loop.Counters.RequestsAborted++;
        if (_outcome == Outcome.Succeeded) _outcome = Outcome.Abandoned;
        CloseUpstream(_outcome);
        _status = 0;
        Account();
        _client = null;
        Release();
    }

    public void OnDeadline()
    {
        var client = _client!;
        switch (_phase)
        {
            case Phase.RetryWait:
                AttemptAgain();
                break;
            case Phase.Waiting:
                LookAgain(gaveUp: true);
                break;
            case Phase.Connecting:
                OnConnectFailed();
                break;
            case Phase.AwaitingHead when !_request.IsDone && !_upstream!.HasPending:
                if (client.MadeProgress(_request.Bytes))
                {
                    client.SetDeadline(Loop.Options.ProgressWindow);
                    break;
                }
                Loop.Counters.TimedOut++;
                CloseUpstream(Outcome.Abandoned);
                _outcome = Outcome.Abandoned;
                Verdict.Refuse(Refusal.BodyTimeout);
                Reply();
                break;
            case Phase.AwaitingHead:
                Loop.Counters.TimedOut++;
                CloseUpstream(Outcome.Failed);
                Fail(504, "gateway.upstream_timeout", "The upstream did not answer in time.");
                break;
            case Phase.Streaming when client.HasPending && client.MadeProgress(client.BytesSent):
                client.SetDeadline(Loop.Options.ProgressWindow);
                break;
            default:
                Loop.Counters.TimedOut++;
                client.Reset();
                break;
        }
    }

    private void Begin(ClientConnection client)
    {
        _client = client;
        _upstream = null;
        _phase = Phase.Connecting;
        _attempts = _interims = _bodyBuffered = 0;
        _upstreamReusable = _staleRetried = false;
        _replayable = true;
        _outcome = Outcome.Succeeded;
        _status = 0;
        _deadline = _attemptNanoseconds = 0;
        _attemptOpen = _hedgeArmed = false;
        _serial++;
        _started = Loop.Time.Nanoseconds;
        _response = default;
        Loop.Counters.Requests++;
        Loop.Counters.InFlight++;
    }

    /// <summary>Chooses a target, writes the head and what is already there of the body, and sends both in one call.</summary>
    private void Attempt(RequestHead head)
    {
        var client = _client!;
        while (true)
        {
            if (!EdgeSnapshot.TryChoose(head, Verdict, Loop.Time.Nanoseconds))
            {
                Fail(503, "gateway.no_target", "No upstream is there to answer.");
                return;
            }
            EdgeSnapshot.BeginAttempt(Verdict);
            (_attemptOpen, _attemptStarted) = (true, Loop.Time.Nanoseconds);
            var pool = Loop.Upstreams.Of(Verdict.Target!);
            var upstream = (_staleRetried ? null : pool.TryTake()) ?? pool.Connect();
            if (upstream is null)
            {
                Loop.Counters.ConnectFailures++;
                CloseUpstream(Outcome.Failed);
                if (MayRepeat(nothingWasSent: true)) continue;
                Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
                return;
            }
            _upstream = upstream;
            upstream.Exchange = this;

            Verdict.Cache?.PrepareRequest(head);
            var writer = new HeadWriter(Loop.Out);
            ForwardedHeads.WriteRequest(ref writer, head, Verdict);
            var headEnd = writer.Length;
            if (!MoveBuffered(ref writer)) return;
            if (Verdict.Route!.Mirror is { } mirror) Offer(mirror, head, headEnd, writer.Length);
            if (upstream.SendOrKeep(Loop.Out.AsSpan(0, writer.Length))) break;

            // Nothing of the request was taken, so even what must not be repeated may be sent again.
            CloseUpstream(Outcome.Abandoned);
            if (_staleRetried && !MayRepeat(nothingWasSent: true))
            {
                Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
                return;
            }
            _staleRetried = true;
            BeginRequestBody(head);
        }
        _phase = _upstream!.IsConnected ? Phase.AwaitingHead : Phase.Connecting;
        if (_phase == Phase.Connecting) client.SetDeadline(Verdict.Arm!.Cluster.Config.ConnectTimeout);
        else ArmForRequest();
    }

    /// <summary>The same request to another connection: its bytes are still in the client's buffer.</summary>
    private void AttemptAgain()
    {
        var head = ReadAgain();
        BeginRequestBody(head);
        if (_deadline != 0) Verdict.RemainingMilliseconds = Math.Max(1, _deadline - Loop.Now);
        Attempt(head);
    }

    private RequestHead ReadAgain()
    {
        var client = _client!;
        var head = Loop.RequestHead;
        var status = RequestParser.Parse(client.Inbound, client.InboundStart, client.InboundEnd, Verdict.Snapshot!.HeadLimits, head);
        System.Diagnostics.Debug.Assert(status == ParseStatus.Complete, "The same bytes under the same limits.");
        return head;
    }

    /// <summary>Whether the request may be tried once more; what is allowed is paid for.</summary>
    private bool MayRepeat(bool nothingWasSent)
    {
        var cluster = Verdict.Arm!.Cluster;
        return _replayable && (nothingWasSent || _idempotent) && _attempts < cluster.Config.RetriesMax && cluster.Budget.TryTake() && ++_attempts > 0;
    }

    /// <summary>Tries again after a moment of chance, so that many do not come back together; false when there is no time left for it.</summary>
    private bool TryRepeatLater()
    {
        var delay = Loop.Entropy.Backoff(RetryDelayBase, RetryDelayMax, _attempts);
        if (_deadline != 0 && Loop.Now + delay.TotalMilliseconds >= _deadline) return false;
        if (!MayRepeat(nothingWasSent: false)) return false;
        _phase = Phase.RetryWait;
        _client!.SetDeadline(delay);
        return true;
    }

    private void ArmForRequest()
    {
        if (!_request.IsDone)
        {
            _client!.WatchProgress(_request.Bytes);
            return;
        }
        if (_deadline == 0) _deadline = Loop.Now + (long)Verdict.Timeout.TotalMilliseconds;
        Loop.Timers.Set(_client!, _deadline);
        if (Verdict.Route!.Hedging is not null) ArmHedge();
    }

    /// <summary>The gateway's own answer instead of a response: possible as long as none has begun.</summary>
    private void Fail(int status, string code, string detail)
    {
        Loop.Counters.UpstreamFaults++;
        _outcome = Outcome.Failed;
        if (Verdict.Cache?.TryHideError(Loop.Time.Nanoseconds) == true)
        {
            ServeStored(ReadAgain());
            return;
        }
        Verdict.Refuse(status, code, detail);
        Reply();
    }

    private void Reply()
    {
        var client = _client!;
        if (!_request.IsDone) SkipBuffered();
        var keepAlive = _keepAlive && _request.IsDone && !Loop.Draining;
        var writer = new HeadWriter(Loop.Out);
        ProblemReply.Write(ref writer, Verdict, keepAlive, _http10, _toHead);
        _status = Verdict.Status;
        if (!client.Send(Loop.Out.AsSpan(0, writer.Length)))
        {
            client.Close();
            return;
        }
        Complete(keepAlive);
    }

    private void Complete(bool keepAlive)
    {
        var client = _client!;
        EndUpstream();
        Account();
        client.Discard(_headLength + _bodyBuffered);
        keepAlive &= _request.IsDone;
        _client = null;
        Release();
        client.Finished(keepAlive);
    }

    /// <summary>The upstream has said all: its connection goes back to the pool, if it can be used again.</summary>
    private void EndUpstream()
    {
        EndAttempt(_outcome);
        if (_upstream is not { } upstream) return;
        _upstream = null;
        // One more look when an edge is unused: bytes behind the response would be read as the next one.
        if (_upstreamReusable && _request.IsDone && !upstream.HasPending && (!upstream.Readable || upstream.Receive(Loop.In) == -1))
            upstream.Pool.GiveBack(upstream, Verdict.Arm!.Cluster);
        else
            upstream.Close();
    }

    /// <summary>Tells everybody who learns from it how the request went.</summary>
    private void Account()
    {
        var nanoseconds = Loop.Nanoseconds - _started;
        if (Verdict.IsInside) EdgeSnapshot.Complete(Verdict, _outcome, _attemptNanoseconds > 0 ? _attemptNanoseconds : nanoseconds, Loop.Time.Nanoseconds);
        Loop.Metrics.Record(Verdict.Route?.MetricsIndex ?? 0, _status, nanoseconds, _request.Bytes, _response.Bytes);
        if (Loop.AccessLog is not { } log) return;
        // A tunnel has given its request's bytes up.
        var head = _client!.InboundEnd > _client.InboundStart ? _client.Inbound.AsSpan(_client.InboundStart) : default;
        var known = head.Length > 0 && _headLength > 0;
        log.Write(
            new AccessRecord
            {
                Verdict = Verdict,
                Method = known ? head[..(_methodLength)] : default,
                Path = known ? head.Slice(_targetStart, _pathLength) : default,
                Host = known && _hostLength > 0 ? head.Slice(_hostStart, _hostLength) : default,
                Status = _status,
                Nanoseconds = nanoseconds,
                BytesIn = _request.Bytes,
                BytesOut = _response.Bytes,
                Attempts = _attempts + 1,
            },
            Loop.Time.UnixSeconds);
    }

    private void EndAttempt(Outcome outcome)
    {
        if (!_attemptOpen) return;
        _attemptOpen = false;
        if (_phase < Phase.Streaming) _attemptNanoseconds = Loop.Time.Nanoseconds - _attemptStarted;
        EdgeSnapshot.EndAttempt(Verdict, outcome, _attemptNanoseconds, Loop.Time.Nanoseconds);
    }

    private void CloseUpstream(Outcome outcome)
    {
        if (IsRacing) DropHedge(Outcome.Abandoned);
        EndAttempt(outcome);
        var upstream = _upstream;
        _upstream = null;
        DropPartial();
        upstream?.Close();
    }

    private void Release()
    {
        DropPartial();
        if (_pipe is not null || Verdict.Cache is not null) EndShaped();
        Loop.Counters.InFlight--;
        Loop.Exchanges.Return(this);
    }
}

/// <summary>One loop's exchanges that are not in use.</summary>
internal sealed class ExchangePool(EventLoop loop)
{
    private const int KeptMax = 1024;

    private readonly Stack<Exchange> _free = new(KeptMax);

    public Exchange Rent() => _free.TryPop(out var exchange) ? exchange : new Exchange(loop);

    public void Return(Exchange exchange)
    {
        if (_free.Count < KeptMax) _free.Push(exchange);
    }
}
