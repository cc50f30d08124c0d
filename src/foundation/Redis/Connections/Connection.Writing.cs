using System.Runtime.CompilerServices;

namespace SkyRiff.Redis.Connections;

/// <summary>
/// The writing half:
/// <list type="number">
/// <item>A command's bytes are appended to the pending buffer and the command to the ring under one short lock, so both keep the same order.</item>
/// <item>Whoever turns <c>_flushing</c> from 0 to 1 is the flusher: it swaps the buffers under the lock, sends outside it, and repeats until a look
/// under the lock finds nothing pending. An append that sees 1 is done: the flusher must look again.</item>
/// <item>With nothing else in flight the caller itself flushes, for latency. With others in flight a pool thread does, so that more commands join;
/// a thread that runs a batch holds its commands and flushes them together.</item>
/// </list>
/// </summary>
internal sealed partial class Connection
{
    private const int BufferBytesInitial = 16 * 1024;
    private const int BufferBytesRetained = 256 * 1024;

    /// <summary>A caller's thread sends at most this often for others before it passes the work to the pool.</summary>
    private const int SendsByCallerMax = 2;

    private readonly Lock _writeLock = new();
    private readonly Action _onSent;
    private byte[] _pending = new byte[BufferBytesInitial];
    private byte[] _sending = new byte[BufferBytesInitial];
    private int _pendingLength;
    private ReadOnlyMemory<byte> _unsent;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _send;
    private PendingReply? _payloadOwner;
    private Task _payloadSent = Task.CompletedTask;
    private long _sentTail;
    private int _flushing;
    private bool _closed;
    private bool _refusedForBytes;

    /// <summary>Puts the command into the stream, after everything before it.</summary>
    public AppendResult TryAppend(PendingReply command)
    {
        bool wasIdle;
        var prefix = command.Asking ? "*1\r\n$6\r\nASKING\r\n"u8 : [];
        lock (_writeLock)
        {
            if (_closed)
                return AppendResult.Closed;
            wasIdle = _ring.Count == 0;
            if (_ring.IsFull || !MayCarryPayload(command))
                return AppendResult.Full;
            if (_pendingLength > 0 && _pendingLength + command.Command.Length > _options.UnsentBytesMax)
            {
                _refusedForBytes = true;
                return AppendResult.Full;
            }

            command.FailureBefore = null;
            command.RepliesOwedBefore = command.RepliesBefore + (command.Asking ? 1 : 0);
            AppendPending(prefix);

            if (command.Command.HasPayload)
                _payloadOwner = command;
            else
                AppendPending(command.Command.Bytes);
            _ring.Push(command);
        }

        AfterAppend(wasIdle || CompletionBatch.RunsLast);
        AskIfNobodyDoes();
        return AppendResult.Accepted;
    }

    /// <summary>Bytes whose answers come as frames to the handler; false when the connection has ended.</summary>
    public bool TryAppendUnanswered(ReadOnlySpan<byte> bytes)
    {
        lock (_writeLock)
        {
            if (_closed)
                return false;
            AppendPending(bytes);
        }

        AfterAppend(here: true);
        return true;
    }

    /// <summary>Sends what is pending on this thread, unless somebody is at it.</summary>
    public void FlushHere()
    {
        if (Volatile.Read(ref _pendingLength) > 0 && TryClaimFlush())
            Flush(SendsByCallerMax);
    }

    void IThreadPoolWorkItem.Execute() => Flush(int.MaxValue);

    /// <summary>Expires commands whose time is over, and breaks a connection that let one expire without sending a byte since <paramref name="silentSince"/>.</summary>
    public void Sweep(long now, long silentSince, Func<Exception> timedOut)
    {
        var owes = false;
        lock (_writeLock)
        {
            for (var position = _ring.Head; position < _ring.Tail; position++)
            {
                if (_ring.At(position) is not { } command)
                    continue;
                owes |= command.Deadline is var deadline && deadline != 0 && deadline <= now;
                command.TryExpire(now, timedOut);
            }
        }

        if (owes && LastReceived < silentSince)
            Break(new TimeoutException("The server was silent for longer than the time limit."));
        AskIfNobodyDoes(); // a continuation that blocks for long hides no end of the connection
    }

    /// <summary>For awaiting by callback, exactly once, without a state machine.</summary>
    private static ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter AwaiterOf(ValueTask<int> operation) =>
        operation.ConfigureAwait(false).GetAwaiter();

    private bool MayCarryPayload(PendingReply command) =>
        _payloadOwner is null && (!command.Command.HasPayload || (_ring.Count == 0 && _pendingLength == 0));

    private void AppendPending(ReadOnlySpan<byte> bytes)
    {
        if (_pending.Length - _pendingLength < bytes.Length)
            Array.Resize(ref _pending, Math.Max(_pending.Length * 2, checked(_pendingLength + bytes.Length)));
        bytes.CopyTo(_pending.AsSpan(_pendingLength));
        Volatile.Write(ref _pendingLength, _pendingLength + bytes.Length);
    }

    private void AfterAppend(bool here)
    {
        if (Volatile.Read(ref _flushing) != 0 || CompletionBatch.TryHold(this) || !TryClaimFlush())
            return;
        if (here)
            Flush(SendsByCallerMax);
        else
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private bool TryClaimFlush() => Interlocked.CompareExchange(ref _flushing, 1, 0) == 0;

    private void OnSent()
    {
        if (TakeSent())
            Flush(int.MaxValue);
    }

    private bool TakeSent()
    {
        try
        {
            _unsent = _unsent[_send.GetResult()..];
            return true;
        }
        catch (Exception failure)
        {
            Break(failure);
            return false; // _flushing stays 1: nothing is sent here any more
        }
    }

    /// <summary>The flusher's loop; hands over to the pool after <paramref name="sendsMax"/> sends.</summary>
    private void Flush(int sendsMax)
    {
        for (var sends = 0; ; sends++)
        {
            if (_unsent.IsEmpty && !TrySwap())
                return;

            if (sends == sendsMax)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }

            ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter send;
            try
            {
                send = AwaiterOf(_transport.SendAsync(_unsent));
                _send = send;
            }
            catch (Exception failure)
            {
                Break(failure);
                return;
            }

            if (!send.IsCompleted)
            {
                send.UnsafeOnCompleted(_onSent);
                return;
            }

            if (!TakeSent())
                return;
        }
    }

    /// <summary>Takes the pending bytes for sending; false: nothing left to do here, the flush is given back (or goes on with a payload).</summary>
    private bool TrySwap()
    {
        PendingReply? payloadOwner;
        bool madeRoom;
        lock (_writeLock)
        {
            payloadOwner = _payloadOwner;
            if (_pendingLength == 0 && payloadOwner is null)
            {
                Volatile.Write(ref _flushing, 0);
                return false;
            }

            if (_sending.Length > BufferBytesRetained)
                _sending = new byte[BufferBytesInitial];
            (_pending, _sending) = (_sending, _pending);
            _unsent = _sending.AsMemory(0, _pendingLength);
            Volatile.Write(ref _pendingLength, 0);
            _sentTail = _ring.Tail;
            (madeRoom, _refusedForBytes) = (_refusedForBytes, false);
        }

        if (payloadOwner is not null)
        {
            Volatile.Write(ref _payloadSent, SendPayloadAsync(payloadOwner, _unsent));
            return false;
        }

        if (madeRoom)
            OnRoom?.Invoke();
        return true;
    }

    /// <summary>A large payload leaves from its caller's memory; only on connections that carry one command at a time.</summary>
    private async Task SendPayloadAsync(PendingReply owner, ReadOnlyMemory<byte> before)
    {
        // Copied, since a server that refuses early ends the command, and its buffer serves another, while this still sends.
        var (head, payload, tail) = (owner.Command.BeforePayload.ToArray(), owner.Command.Payload, owner.Command.AfterPayload.ToArray());
        try
        {
            await _transport.SendAllAsync(before);
            await _transport.SendAllAsync(head);
            await _transport.SendAllAsync(payload);
            await _transport.SendAllAsync(tail);
        }
        catch (Exception failure)
        {
            Break(failure);
            return;
        }

        lock (_writeLock)
            _payloadOwner = null;
        _unsent = default;
        Flush(int.MaxValue);
    }
}
