using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// One request and its response, from the decision to the last byte. Bodies flow both ways at once, and each side is read only as fast as the
/// other takes.
/// <code>
///   Connecting --established--> AwaitingHead --head--> Streaming --end--> back to the pool
///        \--refused: next endpoint--/  \--stale connection: once more--/    \--101--> Tunnel
/// </code>
/// Reused for many requests, so that a request allocates nothing.
/// </summary>
internal sealed partial class Exchange(EventLoop loop)
{
    /// <summary>Attempts to reach an endpoint, the first included.</summary>
    private const int AttemptsMax = 3;

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
    private long _started;

    private enum Phase : byte
    {
        Connecting,
        AwaitingHead,
        Streaming,
        Tunnel,
    }

    public Verdict Verdict { get; } = new();

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
        var snapshot = Loop.Snapshot;
        snapshot.Decide(head, client.Peer, ref Loop.SpanIds, Verdict);
        BeginRequestBody(head);
        if (Verdict.Status != 0) Reply();
        else Attempt(head);
    }

    /// <summary>Answers a head that was not understood, and ends the connection.</summary>
    public void RefuseUnread(ClientConnection client, Refusal refusal)
    {
        Begin(client);
        _headLength = 0;
        _toHead = _http10 = _keepAlive = false;
        _request.Begin(BodyKind.None, 0, false, 0, HeadLimits.Default);
        Verdict.Clear();
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
        CloseUpstream();
        if (_replayable && ++_attempts < AttemptsMax) AttemptAgain();
        else Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
    }

    /// <summary>The client left, or its connection was closed: whatever is under way ends at once.</summary>
    public void ClientGone()
    {
        Loop.Counters.RequestsAborted++;
        _client = null;
        CloseUpstream();
        Release();
    }

    public void OnDeadline()
    {
        var client = _client!;
        switch (_phase)
        {
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
                Verdict.Refuse(Refusal.BodyTimeout);
                CloseUpstream();
                Reply();
                break;
            case Phase.AwaitingHead:
                Loop.Counters.TimedOut++;
                Fail(504, "gateway.upstream_timeout", "The upstream did not answer in time.");
                break;
            case Phase.Streaming when client.HasPending && client.MadeProgress(client.BytesSent):
                client.SetDeadline(Loop.Options.ProgressWindow);
                break;
            default:
                Loop.Counters.TimedOut++;
                client.Close();
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
        _started = Loop.Timestamp;
        Loop.Counters.Requests++;
        Loop.Counters.InFlight++;
    }

    /// <summary>Chooses an endpoint, writes the head and what is already there of the body, and sends both in one call.</summary>
    private void Attempt(RequestHead head)
    {
        var client = _client!;
        var cluster = Verdict.Route!.Cluster;
        while (true)
        {
            var pool = Loop.Upstreams.Of(cluster.Pick());
            var upstream = (_staleRetried ? null : pool.TryTake()) ?? pool.Connect();
            if (upstream is null)
            {
                Loop.Counters.ConnectFailures++;
                if (++_attempts < AttemptsMax) continue;
                Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
                return;
            }
            _upstream = upstream;
            upstream.Exchange = this;

            var writer = new HeadWriter(Loop.Out);
            ForwardedHeads.WriteRequest(ref writer, head, Verdict);
            if (!MoveBuffered(ref writer)) return;
            if (upstream.SendOrKeep(Loop.Out.AsSpan(0, writer.Length))) break;

            // Nothing of the request was taken, so even what must not be repeated may be sent again.
            CloseUpstream();
            _staleRetried = true;
            if (++_attempts >= AttemptsMax)
            {
                Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
                return;
            }
            BeginRequestBody(head);
        }
        _phase = _upstream!.IsConnected ? Phase.AwaitingHead : Phase.Connecting;
        if (_phase == Phase.Connecting) client.SetDeadline(cluster.ConnectTimeout);
        else ArmForRequest();
    }

    /// <summary>The same request to another connection: its bytes are still in the client's buffer.</summary>
    private void AttemptAgain()
    {
        var client = _client!;
        var head = Loop.RequestHead;
        var status = RequestParser.Parse(client.Inbound, client.InboundStart, client.InboundEnd, Loop.Snapshot.HeadLimits, head);
        if (status != ParseStatus.Complete)
        {
            // Only after a reload that forbids what was allowed.
            Fail(502, "gateway.upstream_unreachable", "No upstream could be reached.");
            return;
        }
        BeginRequestBody(head);
        Attempt(head);
    }

    private void ArmForRequest()
    {
        if (_request.IsDone) _client!.SetDeadline(Verdict.Route!.Timeout);
        else _client!.WatchProgress(_request.Bytes);
    }

    /// <summary>The gateway's own answer instead of a response: possible as long as none has begun.</summary>
    private void Fail(int status, string code, string detail)
    {
        if (status >= 500) Loop.Counters.UpstreamFaults++;
        Verdict.Refuse(status, code, detail);
        CloseUpstream();
        Reply();
    }

    private void Reply()
    {
        var client = _client!;
        if (!_request.IsDone) SkipBuffered();
        var keepAlive = _keepAlive && _request.IsDone && !Loop.Draining;
        var writer = new HeadWriter(Loop.Out);
        ProblemReply.Write(ref writer, Verdict, keepAlive, _http10, _toHead);
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
        if (_upstream is { } upstream)
        {
            _upstream = null;
            // One more look when an edge is unused: bytes behind the response would be read as the next one.
            if (_upstreamReusable && _request.IsDone && !upstream.HasPending && (!upstream.Readable || upstream.Receive(Loop.In) == -1))
                upstream.Pool.GiveBack(upstream, Verdict.Route!.Cluster);
            else
                upstream.Close();
        }
        client.Discard(_headLength + _bodyBuffered);
        keepAlive &= _request.IsDone;
        _client = null;
        Release();
        client.Finished(keepAlive);
    }

    private void CloseUpstream()
    {
        var upstream = _upstream;
        _upstream = null;
        DropPartial();
        upstream?.Close();
    }

    private void Release()
    {
        DropPartial();
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
