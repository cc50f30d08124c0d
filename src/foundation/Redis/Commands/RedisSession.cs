using System.Runtime.CompilerServices;
using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>
/// A connection for one caller, one command after another: for WATCH, whose state belongs to a connection, and for commands that block in the server.
/// Disposing gives the connection back; after a failure or a cancellation it is closed instead, which also ends what blocks.
/// </summary>
public sealed class RedisSession : IAsyncDisposable
{
    private readonly RedisClient _client;
    private readonly DedicatedLanes _lanes;
    private readonly Lane _lane;
    private readonly Connection? _connection;
    private Exception? _failure;
    private bool _watches;
    private bool _disposed;

    internal RedisSession(RedisClient client, DedicatedLanes lanes, Lane lane)
    {
        (_client, _lanes, _lane) = (client, lanes, lane);
        _connection = lane.Current;
        if (_connection is null)
            _failure = new RedisException(RedisErrorKind.NotSent, "The session's connection broke before it was used.");
    }

    /// <summary>From here on a transaction of this session runs only if nobody changed these keys. Ends with the transaction.</summary>
    public async ValueTask WatchAsync(ReadOnlyMemory<RedisArg> keys, CancellationToken cancellation)
    {
        var pending = _client.Begin(ReplyShape.Frame);
        pending.Command.Head(1 + keys.Length, "WATCH"u8);
        foreach (var key in keys.Span)
            pending.Command.Key(key);
        _watches = true;
        using var reply = await SendAsync(pending, TimeSpan.Zero, cancellation);
    }

    /// <summary>Any command, on this connection.</summary>
    public ValueTask<RedisReply> CallAsync(ReadOnlySpan<RedisArg> command, CancellationToken cancellation) => CallBlockingAsync(command, TimeSpan.Zero, cancellation);

    /// <summary>A command that may block in the server (BLPOP, XREAD BLOCK): <paramref name="blocksFor"/> is added to the time limit.</summary>
    public ValueTask<RedisReply> CallBlockingAsync(ReadOnlySpan<RedisArg> command, TimeSpan blocksFor, CancellationToken cancellation)
    {
        var pending = _client.Begin(ReplyShape.Frame);
        RedisClient.Write(pending, command, keyIndex: -1);
        return SendAsync(pending, blocksFor, cancellation);
    }

    /// <summary>A transaction that honours what this session watches.</summary>
    public RedisTransaction CreateTransaction() => new(_client, this);

    /// <summary>Ends watching and gives the connection back, or closes it after a failure. Safe to call twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        try
        {
            if (_failure is null && _watches)
            {
                using var reply = await CallAsync(["UNWATCH"], CancellationToken.None);
            }
        }
        catch (RedisException failure)
        {
            _failure = failure;
        }

        if (_failure is not null)
            await _lane.BreakAndWaitAsync(_failure);
        _lanes.Return(_lane);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<RedisReply> SendAsync(PendingReply pending, TimeSpan blocksFor, CancellationToken cancellation)
    {
        // WATCH would be lost with the connection, so nothing is sent again on another one.
        if (_failure is not null)
            throw new RedisException(RedisErrorKind.NotSent, "The session's connection was given up.", _failure);

        try
        {
            pending.OnlyOn = _connection;
            return await _client.SendOn(_lane, pending, blocksFor, cancellation);
        }
        catch (Exception failure) when (failure is not RedisException { Kind: RedisErrorKind.Refused })
        {
            _failure = failure;
            await _lane.BreakAndWaitAsync(failure);
            throw;
        }
    }
}
