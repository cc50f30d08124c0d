using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Lean;

/// <content>After "101": bytes both ways until one side ends and the other has taken everything.</content>
internal sealed partial class Exchange
{
    private void BeginTunnel(byte[] buffer, int start, int end)
    {
        var (client, upstream) = (_client!, _upstream!);
        _attemptNanoseconds = Loop.Time.Nanoseconds - _attemptStarted;
        _status = 101;
        _phase = Phase.Tunnel;
        _keepAlive = _upstreamReusable = false;
        var writer = new HeadWriter(Loop.Out);
        ForwardedHeads.WriteResponse(ref writer, Loop.ResponseHead, Verdict, BodyKind.None, keepAlive: true, clientIsHttp10: false);
        writer.Write(buffer.AsSpan(start, end - start));
        if (!client.Send(Loop.Out.AsSpan(0, writer.Length)))
        {
            client.Close();
            return;
        }
        // The client may have sent frames behind its request already.
        var early = client.InboundStart + _headLength;
        if (client.InboundEnd > early && !upstream.Send(client.Inbound.AsSpan(early, client.InboundEnd - early)))
        {
            client.Close();
            return;
        }
        client.Discard(client.InboundEnd - client.InboundStart);
        _headLength = 0;
        Rearm();
        PumpToUpstream();
        if (_client == client) PumpToClient();
    }

    private void PumpToUpstream()
    {
        if (Pump(_client!, _upstream!)) Rearm();
    }

    private void PumpToClient()
    {
        if (Pump(_upstream!, _client!)) Rearm();
    }

    /// <summary>False when the tunnel ended.</summary>
    private bool Pump(Connection from, Connection to)
    {
        var reads = 0;
        while (from.Readable && !to.HasPending)
        {
            if (reads++ == ReadsPerTurnMax)
            {
                from.Queue();
                break;
            }
            var received = from.Receive(Loop.BodyIn);
            if (received == -1) break;
            if (received <= 0 || !to.Send(Loop.In.AsSpan(0, received)))
            {
                // WebSocket ends with a close frame each way, so an ended side has nothing more to hear.
                _client!.Close();
                return false;
            }
        }
        return true;
    }

    private void Rearm() => _client!.SetDeadline(Verdict.Route!.StreamIdleTimeout);
}
