using System.Diagnostics;
using System.Threading.Tasks.Sources;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Connections;

/// <summary>What the caller of a command takes from its reply.</summary>
internal enum ReplyShape : byte
{
    /// <summary>Bytes copied to the caller's memory; answers the value's length, or -1.</summary>
    Destination,

    /// <summary>A pooled lease on the value.</summary>
    Value,

    /// <summary>An integer; null and OK are distinguishable.</summary>
    Integer,

    Double,

    /// <summary>A pooled lease on the whole reply.</summary>
    Frame,
}

/// <summary>
/// A command in flight: its encoded bytes, its caller's continuation, and its place in a connection's ring. Pooled; two parties hold it, the caller
/// (until it took the result) and the ring (until the reply came or the connection broke), and the last to let go returns it to the pool:
/// <code>
///   Pending --reader claims--> Delivering --done--> Completed --caller takes--> pool
///      |  ^____part copied________|
///      |
///      +--cancelled, expired--> Abandoned --caller takes--> AbandonedByBoth --ring lets go--> pool
///                                   +------ring lets go---> Released -------caller takes---> pool
/// </code>
/// The state word carries a generation in its upper bits, so that a sweep or a cancellation that looked at an earlier command cannot hit a later one.
/// </summary>
internal sealed class PendingReply : IThreadPoolWorkItem, IValueTaskSource, IValueTaskSource<int>, IValueTaskSource<long>, IValueTaskSource<long?>, IValueTaskSource<bool>,
    IValueTaskSource<double?>, IValueTaskSource<RedisValue>, IValueTaskSource<RedisReply>
{
    private const long StateMask = 7;
    private const long Generation = 8;

    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _cancellation;
    private long _state;
    private long _number;
    private double _double;
    private bool _isNull;
    private ValueBuffer? _buffer;
    private Exception? _failure;

    /// <summary>The encoded command; a field, because it is a mutable struct.</summary>
    public CommandBuffer Command = new();

    private enum State : long
    {
        Pending,
        Delivering,
        Completed,
        Abandoned,
        AbandonedByBoth,
        Released,
    }

    public short Version => _core.Version;

    public ReplyShape Shape { get; private set; }

    public Memory<byte> Destination { get; set; }

    /// <summary>Replies before the one that counts (of MULTI, QUEUED, CLIENT CACHING); an error among them fails the command at its last reply.</summary>
    public int RepliesBefore { get; set; }

    /// <summary>How many of those the server still owes on the connection that the command is on; the reader's.</summary>
    public int RepliesOwedBefore { get; set; }

    public Exception? FailureBefore { get; set; }

    /// <summary>Timestamp of the command's <see cref="TimeProvider"/> after which nobody waits; never when zero.</summary>
    public long Deadline { get; set; }

    public ICommandRouter? Router { get; set; }

    /// <summary>How often the cluster sent it elsewhere.</summary>
    public int Redirects { get; set; }

    /// <summary>ASKING goes before it on the next node.</summary>
    public bool Asking { get; set; }

    public bool IsRead { get; set; }

    /// <summary>When set, the command may be sent on this connection only, because it depends on the connection's state (WATCH).</summary>
    public Connection? OnlyOn { get; set; }

    /// <summary>Set while the command is an EVALSHA that becomes an EVAL when the server does not know the script.</summary>
    public RedisScript? Script { get; set; }

    public bool IsPending => (State)(Volatile.Read(ref _state) & StateMask) is State.Pending or State.Delivering;

    public static PendingReply Rent(ReplyShape shape)
    {
        var reply = ThreadCachedPool<PendingReply>.Rent();
        reply.Shape = shape;
        return reply;
    }

    /// <summary>From here on the caller may leave; call after the command was handed over.</summary>
    public void CancelWith(CancellationToken token)
    {
        if (!token.CanBeCanceled)
            return;
        _cancellation = token.UnsafeRegister(
            static (self, cancelled) =>
            {
                var reply = (PendingReply)self!;
                reply.TryAbandon(Volatile.Read(ref reply._state), new OperationCanceledException(cancelled));
            },
            this);
    }

    /// <summary>The time limit passed: completes with <paramref name="failure"/> unless the reply is there, or the command is another one by now.</summary>
    public bool TryExpire(long now, Func<Exception> failure)
    {
        var state = Volatile.Read(ref _state);
        var deadline = Deadline;
        return deadline != 0 && deadline <= now && Volatile.Read(ref _state) == state && TryAbandon(state, failure());
    }

    /// <summary>The reader is about to touch what the caller owns. False: the caller left; drop the reply.</summary>
    public bool TryBeginDelivery()
    {
        var state = Volatile.Read(ref _state);
        return (state & StateMask) == (long)State.Pending
            && Interlocked.CompareExchange(ref _state, state + (long)State.Delivering, state) == state;
    }

    /// <summary>Copies one part of a large value; claimed for delivery. What does not fit the caller's memory is dropped.</summary>
    public void CopyPart(ReadOnlySpan<byte> part, int offset)
    {
        var target = Shape == ReplyShape.Destination ? Destination.Span : _buffer!.Writable.Span;
        if (offset < target.Length)
            (part.Length <= target.Length - offset ? part : part[..(target.Length - offset)]).CopyTo(target[offset..]);
    }

    /// <summary>Part of the reply was copied; the caller may leave until the next part comes.</summary>
    public void PauseDelivery() => Volatile.Write(ref _state, _state - (long)State.Delivering);

    /// <summary>The result is in its fields; the ring lets go. <see cref="Complete"/> must follow.</summary>
    public void EndDelivery() => Volatile.Write(ref _state, _state - (long)State.Delivering + (long)State.Completed);

    public void SetNumber(long number) => _number = number;

    public void SetDouble(double number) => _double = number;

    public void SetNull() => (_isNull, _number) = (true, 0);

    public void SetBuffer(ValueBuffer buffer) => _buffer = buffer;

    public void SetFailure(Exception failure) => _failure = failure;

    /// <summary>Runs the caller's continuation, here and now.</summary>
    public void Complete() => _core.SetResult(true);

    void IThreadPoolWorkItem.Execute() => Complete();

    /// <summary>The ring holds it no longer although the caller had left.</summary>
    public void ReleaseAbandoned()
    {
        _buffer?.Release(_buffer.Version);
        var state = Volatile.Read(ref _state);
        Debug.Assert((State)(state & StateMask) is State.Abandoned or State.AbandonedByBoth, "only an abandoned command is dropped");
        if ((State)(state & StateMask) == State.Abandoned
            && Interlocked.CompareExchange(ref _state, With(state, State.Released), state) == state)
        {
            return;
        }

        Recycle();
    }

    /// <summary>Claims and fails it in one step; false when the caller had left (then it is released). The caller of this runs <see cref="Complete"/>.</summary>
    public bool TryFail(Exception failure)
    {
        if (!TryBeginDelivery())
        {
            ReleaseAbandoned();
            return false;
        }

        SetFailure(failure);
        EndDelivery();
        return true;
    }

    private static long With(long state, State next) => (state & ~StateMask) | (long)next;

    private bool TryAbandon(long seen, Exception failure)
    {
        var spinner = default(SpinWait);
        while (true)
        {
            var state = Volatile.Read(ref _state);
            if ((state & ~StateMask) != (seen & ~StateMask))
                return false;

            switch ((State)(state & StateMask))
            {
                case State.Delivering:
                    spinner.SpinOnce(sleep1Threshold: -1); // the reader copies at most one receive buffer
                    continue;
                case State.Pending:
                    if (Interlocked.CompareExchange(ref _state, state + (long)State.Abandoned, state) != state)
                        continue;
                    _failure = failure;
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <summary>Ends the caller's part; what it reads must be taken before.</summary>
    private void Leave()
    {
        _cancellation.Dispose(); // waits for a callback that runs elsewhere, so none can outlive this command
        var state = Volatile.Read(ref _state);
        if ((State)(state & StateMask) == State.Abandoned
            && Interlocked.CompareExchange(ref _state, With(state, State.AbandonedByBoth), state) == state)
        {
            return;
        }

        Recycle();
    }

    private void Recycle()
    {
        _cancellation = default;
        _buffer = null;
        _failure = null;
        _isNull = false;
        Destination = default;
        RepliesBefore = 0;
        RepliesOwedBefore = 0;
        FailureBefore = null;
        Router = null;
        Redirects = 0;
        Asking = false;
        IsRead = false;
        Script = null;
        OnlyOn = null;
        Deadline = 0;
        Command.Clear();
        _core.Reset();
        Volatile.Write(ref _state, (_state & ~StateMask) + Generation);
        ThreadCachedPool<PendingReply>.Return(this);
    }

    private (long Number, double Double, bool IsNull, ValueBuffer? Buffer) Take(short token)
    {
        _core.GetResult(token);
        var failure = _failure;
        var result = (_number, _double, _isNull, _buffer);
        Leave();
        return failure is null ? result : throw failure;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.GetResult(short token) => Take(token);

    int IValueTaskSource<int>.GetResult(short token) => (int)Take(token).Number;

    long IValueTaskSource<long>.GetResult(short token) => Take(token).Number;

    long? IValueTaskSource<long?>.GetResult(short token)
    {
        var result = Take(token);
        return result.IsNull ? null : result.Number;
    }

    /// <summary>True for OK and for a positive integer; false for null and 0.</summary>
    bool IValueTaskSource<bool>.GetResult(short token)
    {
        var result = Take(token);
        return !result.IsNull && result.Number != 0;
    }

    double? IValueTaskSource<double?>.GetResult(short token)
    {
        var result = Take(token);
        return result.IsNull ? null : result.Double;
    }

    RedisValue IValueTaskSource<RedisValue>.GetResult(short token) => new(Take(token).Buffer);

    RedisReply IValueTaskSource<RedisReply>.GetResult(short token) => new(Take(token).Buffer!);
}
