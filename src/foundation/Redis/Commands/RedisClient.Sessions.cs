using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

public sealed partial class RedisClient
{
    /// <summary>Starts collecting commands that run as one.</summary>
    public RedisTransaction CreateTransaction() => new(this, session: null);

    /// <summary>
    /// A connection for this caller alone, to the server of the key. At most <see cref="RedisOptions.DedicatedConnectionsMax"/> per server; when all are
    /// taken for as long as the connection's time limit, the call fails as <see cref="RedisErrorKind.Overloaded"/>.
    /// </summary>
    public async ValueTask<RedisSession> OpenSessionAsync(RedisArg key, CancellationToken cancellation)
    {
        await _router.ReadyAsync(cancellation);
        var lanes = DedicatedFor(key);
        return new RedisSession(this, lanes, await lanes.RentAsync(cancellation));
    }

    /// <summary>One command that may block in the server, such as BLPOP, on a connection of its own; its second argument is the key. Cancelling ends the blocking.</summary>
    public ValueTask<RedisReply> CallBlockingAsync(ReadOnlySpan<RedisArg> command, TimeSpan blocksFor, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Frame);
        Write(pending, command, keyIndex: 1);
        return CallOnceAsync(pending, blocksFor, cancellation);
    }

    internal ValueTask<RedisReply> SendOn(Lane lane, PendingReply pending, TimeSpan blocksFor, CancellationToken cancellation)
    {
        // Commands of a session stay on its connection, wherever the slot goes.
        pending.Router = null;
        pending.Deadline = _time.GetTimestamp() + _limit + (long)(blocksFor.TotalSeconds * _time.TimestampFrequency);
        _router.Sweeper.Wake();
        lane.Send(pending);
        pending.CancelWith(cancellation);
        return new ValueTask<RedisReply>(pending, pending.Version);
    }

    private async ValueTask<RedisReply> CallOnceAsync(PendingReply pending, TimeSpan blocksFor, CancellationToken cancellation)
    {
        await _router.ReadyAsync(cancellation);
        var lanes = _router.PrimaryOf(pending.Command.Slot).Dedicated;
        await using var session = new RedisSession(this, lanes, await lanes.RentAsync(cancellation));
        return await session.SendAsync(pending, blocksFor, cancellation);
    }

    private DedicatedLanes DedicatedFor(RedisArg key)
    {
        var probe = Begin(ReplyShape.Frame);
        probe.Command.Key(key);
        return _router.PrimaryOf(probe.Command.Slot).Dedicated;
    }
}
