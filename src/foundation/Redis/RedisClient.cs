using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Kernel;
using SkyRiff.Redis.Cluster;
using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>
/// A client of one Redis server or one cluster; thread-safe, meant to be one per process. All callers share a few connections: what they issue
/// concurrently travels together, and a call that succeeds allocates nothing.
/// <para>Commands of one caller who awaits each run in that order. Commands that are not awaited may overtake each other, since they can take
/// different connections.</para>
/// <para>Failures are <see cref="RedisException"/>; its kind tells whether the command may have run. A cancelled call throws
/// <see cref="OperationCanceledException"/>, and its command may still run.</para>
/// <para>Await each returned <see cref="ValueTask"/> exactly once.</para>
/// </summary>
public sealed partial class RedisClient : IAsyncDisposable
{
    private readonly CommandRouter _router;
    private readonly TimeProvider _time;
    private readonly long _limit;
    private readonly bool _readsReplicas;
    private readonly bool _isView;

    private RedisClient(CommandRouter router, TimeSpan limit, bool readsReplicas, bool isView)
    {
        _router = router;
        _time = router.Context.Time;
        _limit = (long)(limit.TotalSeconds * _time.TimestampFrequency);
        _readsReplicas = readsReplicas;
        _isView = isView;
    }

    internal CommandRouter Router => _router;

    /// <summary>A client that connects when it is first used, and waits for a server that is away (see <see cref="RedisOptions.OutagePatience"/>).</summary>
    /// <exception cref="ArgumentException">The options have mistakes; the message tells all of them.</exception>
    public static RedisClient Create(RedisOptions options) => Create(options, TimeProvider.System, Entropy.System, NullLogger.Instance);

    /// <inheritdoc cref="Create(RedisOptions)"/>
    public static RedisClient Create(RedisOptions options, TimeProvider time, Entropy entropy, ILogger logger)
    {
        var mistakes = options.Validate();
        if (mistakes.Count > 0)
            throw new ArgumentException(string.Join(' ', mistakes), nameof(options));

        var context = new ClientContext(options, time, entropy, logger);
        CommandRouter router = options.Topology == RedisTopology.Cluster ? new ClusterRouter(context) : new StandaloneRouter(context);
        return new RedisClient(router, options.TimeLimit, options.ReadFrom == RedisReadFrom.Replica, isView: false);
    }

    /// <summary>A client whose shared connections are open; for a start that must fail when Redis is not there.</summary>
    /// <exception cref="RedisException">Of kind <see cref="RedisErrorKind.NotSent"/>: no connection before the token was cancelled.</exception>
    public static async Task<RedisClient> ConnectAsync(RedisOptions options, CancellationToken cancellation)
    {
        var client = Create(options);
        try
        {
            await client.ConnectAsync(cancellation);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until the shared connections are open.</summary>
    public Task ConnectAsync(CancellationToken cancellation) => _router.ConnectAsync(cancellation);

    /// <summary>The same connections with another time limit per command; costs one small object, so keep it.</summary>
    public RedisClient WithTimeLimit(TimeSpan limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero);
        _router.Sweeper.Serve(limit);
        return new RedisClient(_router, limit, _readsReplicas, isView: true);
    }

    /// <summary>The same connections with another choice of where reads go.</summary>
    public RedisClient WithReadsFrom(RedisReadFrom source) =>
        new(_router, TimeSpan.FromSeconds((double)_limit / _time.TimestampFrequency), source == RedisReadFrom.Replica, isView: true);

    /// <summary>Sends together what this thread issues until the scope is disposed: <c>using (redis.Pipeline()) { a = ...; b = ...; }</c>, then await.</summary>
    public PipelineScope Pipeline() => new(CompletionBatch.EnterScope());

    /// <summary>The servers that are used now, and how it stands with each; for operators' pages and metrics.</summary>
    public IReadOnlyList<RedisServerStatus> Servers() => [.. _router.Nodes.Select(node => node.Status())];

    /// <summary>Any command. The second argument is its key, which matters to a cluster; see the other overload for commands where it is not.</summary>
    public ValueTask<RedisReply> CallAsync(ReadOnlySpan<RedisArg> command, CancellationToken cancellation) => CallAsync(command, 1, cancellation);

    /// <summary>Any command whose key is at <paramref name="keyIndex"/> (the name is 0); -1 for a command without one.</summary>
    public ValueTask<RedisReply> CallAsync(ReadOnlySpan<RedisArg> command, int keyIndex, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Frame);
        Write(pending, command, keyIndex);
        return SendForReply(pending, cancellation);
    }

    /// <summary>A script; its keys decide the cluster's node and must share a slot. Give arguments as <c>[a, b]</c>: they stay on the stack.</summary>
    public ValueTask<RedisReply> EvaluateAsync(RedisScript script, ReadOnlySpan<RedisArg> keys, ReadOnlySpan<RedisArg> arguments, CancellationToken cancellation) =>
        SendForReply(BeginScript(ReplyShape.Frame, script, keys, arguments), cancellation);

    /// <summary>A script that answers an integer; a null or false answers 0.</summary>
    public ValueTask<long> EvaluateIntegerAsync(RedisScript script, ReadOnlySpan<RedisArg> keys, ReadOnlySpan<RedisArg> arguments, CancellationToken cancellation) =>
        SendForLong(BeginScript(ReplyShape.Integer, script, keys, arguments), cancellation);

    /// <summary>Round trip to a server.</summary>
    public ValueTask PingAsync(CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Integer);
        pending.Command.Raw("*1\r\n$4\r\nPING\r\n"u8);
        return SendForDone(pending, cancellation);
    }

    /// <summary>Closes all connections; what is in flight fails. A client made by <see cref="WithTimeLimit"/> owns nothing, disposing it does nothing.</summary>
    public ValueTask DisposeAsync() => _isView ? ValueTask.CompletedTask : _router.DisposeAsync();

    internal static void Write(PendingReply pending, ReadOnlySpan<RedisArg> command, int keyIndex)
    {
        pending.Command.Head(command.Length);
        for (var index = 0; index < command.Length; index++)
        {
            if (index == keyIndex)
                pending.Command.Key(command[index]);
            else
                pending.Command.Bulk(command[index]);
        }
    }

    internal PendingReply Begin(ReplyShape shape, bool isRead = false)
    {
        var pending = PendingReply.Rent(shape);
        pending.Router = _router;
        pending.IsRead = isRead && _readsReplicas;
        pending.Command.HashesKeys = _router.HashesKeys;
        return pending;
    }

    internal ValueTask SendForDone(PendingReply pending, CancellationToken cancellation) =>
        pending.Command.HasPayload ? new ValueTask(SendLargeAsync<bool>(pending, cancellation).AsTask()) : new ValueTask(pending, Dispatch(pending, cancellation));

    internal ValueTask<long> SendForLong(PendingReply pending, CancellationToken cancellation) =>
        pending.Command.HasPayload ? SendLargeAsync<long>(pending, cancellation) : new ValueTask<long>(pending, Dispatch(pending, cancellation));

    internal ValueTask<bool> SendForBool(PendingReply pending, CancellationToken cancellation) =>
        pending.Command.HasPayload ? SendLargeAsync<bool>(pending, cancellation) : new ValueTask<bool>(pending, Dispatch(pending, cancellation));

    internal ValueTask<RedisReply> SendForReply(PendingReply pending, CancellationToken cancellation) =>
        pending.Command.HasPayload ? SendLargeAsync<RedisReply>(pending, cancellation) : new ValueTask<RedisReply>(pending, Dispatch(pending, cancellation));

    internal ValueTask<RedisValue> SendForValue(PendingReply pending, CancellationToken cancellation) => new(pending, Dispatch(pending, cancellation));

    internal ValueTask<int> SendForLength(PendingReply pending, CancellationToken cancellation) => new(pending, Dispatch(pending, cancellation));

    internal ValueTask<long?> SendForNullableLong(PendingReply pending, CancellationToken cancellation) => new(pending, Dispatch(pending, cancellation));

    internal ValueTask<double?> SendForNullableDouble(PendingReply pending, CancellationToken cancellation) => new(pending, Dispatch(pending, cancellation));

    /// <summary>Starts the clock and hands the command over; answers the token of its result.</summary>
    internal short Dispatch(PendingReply pending, CancellationToken cancellation)
    {
        var version = pending.Version;
        if (cancellation.IsCancellationRequested)
        {
            pending.TryFail(new OperationCanceledException(cancellation));
            pending.Complete();
            return version;
        }

        pending.Deadline = _time.GetTimestamp() + _limit;
        _router.Sweeper.Wake();
        _router.Route(pending);
        pending.CancelWith(cancellation);
        return version;
    }

    /// <summary>
    /// On a connection of its own, from its caller's memory. Ends only when that memory is not read any more, also when cancelled or out of time;
    /// then the connection is given up, since half a command cannot be taken back.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<T> SendLargeAsync<T>(PendingReply pending, CancellationToken cancellation)
    {
        await _router.ReadyAsync(cancellation);
        var lanes = _router.PrimaryOf(pending.Command.Slot).Dedicated;
        var lane = await lanes.RentAsync(cancellation);
        try
        {
            pending.Deadline = _time.GetTimestamp() + _limit;
            _router.Sweeper.Wake();
            lane.Send(pending);
            pending.CancelWith(cancellation);
            return await new ValueTask<T>((IValueTaskSource<T>)(object)pending, pending.Version);
        }
        catch (Exception failure) when (failure is not RedisException { Kind: RedisErrorKind.Refused })
        {
            await lane.BreakAndWaitAsync(failure);
            throw;
        }
        finally
        {
            await lane.PayloadSent;
            lanes.Return(lane);
        }
    }

    private PendingReply BeginScript(ReplyShape shape, RedisScript script, ReadOnlySpan<RedisArg> keys, ReadOnlySpan<RedisArg> arguments)
    {
        var pending = Begin(shape);
        script.WriteTo(ref pending.Command, keys, arguments);
        pending.Script = script;
        return pending;
    }
}
