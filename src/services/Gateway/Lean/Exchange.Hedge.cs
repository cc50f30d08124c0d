using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Lean;

/// <content>
/// Hedging: the same request at two targets. Whoever begins a good answer first is the upstream from then on, and the other connection is closed, which
/// frees its upstream; one that is lost, or fails while the other may still answer, only leaves the race.
/// </content>
internal sealed partial class Exchange
{
    private UpstreamConnection? _hedge;
    private Target? _hedgeTarget;
    private long _hedgeStarted;
    private int _serial;
    private bool _hedgeArmed;

    /// <summary>Two connections are asked.</summary>
    public bool IsRacing => _hedge is not null;

    public ClientConnection? Client => _client;

    /// <summary>The wait is over: asks a second target, if the first has said nothing yet and the retry budget pays.</summary>
    public void OnHedgeDue(int serial)
    {
        if (serial != _serial || _client is not { } client || _phase != Phase.AwaitingHead || _hedge is not null || _partial is not null || _upstream is not { HasPending: false }) return;
        if (!_request.IsDone || _interims > 0 || Loop.Now >= _deadline) return;
        var now = Loop.Time.Nanoseconds;
        if (Hedging.BeginSecond(Verdict, now) is not { } target) return;
        (_hedgeTarget, _hedgeStarted) = (target, now);
        var pool = Loop.Upstreams.Of(target);
        if ((pool.TryTake() ?? pool.Connect()) is not { } hedge)
        {
            Loop.Counters.ConnectFailures++;
            EndHedge(Outcome.Failed);
            return;
        }
        (_hedge, hedge.Exchange) = (hedge, this);
        if (!TrySendCopy(client, hedge))
        {
            DropHedge(Outcome.Abandoned);
            return;
        }
        Loop.Counters.Hedges++;
        Verdict.Route!.Hedging!.OnSent();
    }

    /// <summary>One of the two has bytes, or has ended.</summary>
    public void OnRaceReadable(UpstreamConnection connection)
    {
        var received = connection.Receive(Loop.In);
        if (received == -1) return;
        if (received <= 0)
        {
            OnRaceLost(connection);
            return;
        }
        var status = ResponseParser.Parse(Loop.In, 0, received, Loop.Snapshot.HeadLimits, Loop.ResponseHead, _toHead, upgradeAsked: false);
        if (status == ParseStatus.Refused || (status == ParseStatus.Complete && Loop.ResponseHead.Status >= 500))
        {
            OnRaceLost(connection);
            return;
        }
        if (connection == _hedge)
        {
            Verdict.Route!.Hedging!.OnWon();
            Promote(Outcome.Abandoned);
        }
        else
        {
            DropHedge(Outcome.Abandoned);
        }
        var client = _client;
        ReadResponse(Loop.In, received);
        if (_client == client && _upstream == connection) OnUpstreamReadable();
    }

    /// <summary>One of the two failed; the other goes on alone.</summary>
    public void OnRaceLost(UpstreamConnection connection)
    {
        var outcome = connection.WasUsed && connection.PeerClosed ? Outcome.Abandoned : Outcome.Failed;
        if (connection == _hedge) DropHedge(outcome);
        else Promote(outcome);
    }

    private void ArmHedge()
    {
        if (_hedgeArmed || !_idempotent || !_replayable || _upgradeAsked) return;
        _hedgeArmed = true;
        Loop.Hedges.Add(this, _serial, Loop.Now + Math.Max(1, (long)Verdict.Route!.Hedging!.Delay.TotalMilliseconds));
    }

    private bool TrySendCopy(ClientConnection client, UpstreamConnection hedge)
    {
        var head = ReadAgain();
        Verdict.Cache?.PrepareRequest(head);
        Verdict.RemainingMilliseconds = Math.Max(1, _deadline - Loop.Now);
        var writer = new HeadWriter(Loop.Out);
        ForwardedHeads.WriteRequest(ref writer, head, Verdict);
        var body = default(BodyTransfer);
        body.Begin(head.Body, head.ContentLength, writesChunks: head.Body == BodyKind.Chunked, Verdict.Route!.BodyBytesMax, Loop.Snapshot.HeadLimits);
        var behindHead = client.InboundStart + _headLength;
        if (!body.Move(client.Inbound.AsSpan(behindHead, client.InboundEnd - behindHead), ref writer, out _) || writer.Overflowed) return false;
        return hedge.SendOrKeep(Loop.Out.AsSpan(0, writer.Length));
    }

    /// <summary>The second connection becomes the one upstream; the first is closed.</summary>
    private void Promote(Outcome outcomeOfFirst)
    {
        var (first, hedge) = (_upstream, _hedge!);
        EndAttempt(outcomeOfFirst);
        (_upstream, _hedge) = (hedge, null);
        first?.Close();
        Verdict.Target = _hedgeTarget;
        (_attemptOpen, _attemptStarted) = (true, _hedgeStarted);
        _hedgeTarget = null;
        if (hedge.IsConnected) return;
        _phase = Phase.Connecting; // its end, good or bad, is then that of any attempt
        _client!.SetDeadline(Verdict.Arm!.Cluster.Config.ConnectTimeout);
    }

    private void DropHedge(Outcome outcome)
    {
        var hedge = _hedge;
        _hedge = null;
        EndHedge(outcome);
        hedge?.Close();
    }

    private void EndHedge(Outcome outcome)
    {
        Verdict.Arm!.Cluster.State.Group.End(_hedgeTarget!.Endpoint, outcome, Loop.Time.Nanoseconds - _hedgeStarted, Loop.Time.Nanoseconds);
        _hedgeTarget = null;
    }
}
