using System.Runtime.CompilerServices;
using System.Text;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Connections;

/// <summary>Takes frames that answer no command. Called on the reader, in stream order; must not block.</summary>
internal interface IFrameHandler
{
    void OnFrame(RespElement frame);
}

internal enum AppendResult
{
    Accepted,
    Full,
    Closed,
}

/// <summary>
/// One handshaken connection, from its first command to its break; never reopened (see <see cref="Lane"/>). This half reads, the other half writes.
/// <code>
///   caller --TryAppend--> [ pending bytes ] --swap--> [ sending bytes ] --send-->  server
///                |              (lock)     one flusher at a time                     |
///                +-- push --> ( ring of commands in flight ) -- pop --+              |
///                                                                     |              |
///   caller &lt;--continuation-- ( batch ) &lt;--deliver-- parse &lt;-- [ received bytes ] &lt;--+
/// </code>
/// <list type="number">
/// <item>The reader receives, parses all complete replies, copies each value to where its caller wants it, and collects the commands in a batch.</item>
/// <item>It asks for the next bytes, and only then runs the batch (see <see cref="CompletionBatch"/>).</item>
/// <item>Whatever breaks the connection disposes the transport; the reader then wakes with an error and is the only one to clear the ring: commands
/// whose bytes were handed to the operating system may have run; the others go back to the lane.</item>
/// </list>
/// </summary>
internal sealed partial class Connection : IThreadPoolWorkItem
{
    /// <summary>A bulk that is larger is copied to its caller as it arrives instead of being collected first.</summary>
    private const int StreamedBytesMin = 32 * 1024;

    private const int StreamedReceiveBytes = 256 * 1024;

    private readonly Transport _transport;
    private readonly ReceiveBuffer _received;
    private readonly RedisOptions _options;
    private readonly TimeProvider _time;
    private readonly InFlightRing _ring;
    private readonly Action _onReceived;
    private readonly TaskCompletionSource<List<PendingReply>> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FrameScanner _scanner;
    private CompletionBatch? _batch;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _receiving;
    private PendingReply? _streamed;
    private int _streamedLength;
    private int _streamedSoFar;
    private long _lastReceived;
    private Exception? _breakReason;

    public Connection(Transport transport, ReceiveBuffer received, bool speaksResp3, RedisOptions options, TimeProvider time)
    {
        _transport = transport;
        _received = received;
        _options = options;
        _time = time;
        SpeaksResp3 = speaksResp3;
        _ring = new InFlightRing(options.InFlightMax);
        _scanner = new FrameScanner(options.ReplyBytesMax);
        _onReceived = OnReceived;
        _onSent = OnSent;
        _lastReceived = time.GetTimestamp();
    }

    public bool SpeaksResp3 { get; }

    /// <summary>Gets pushes; with <see cref="AllFramesToHandler"/>, everything.</summary>
    public IFrameHandler? Handler { get; init; }

    /// <summary>For subscriptions: no command expects a reply here.</summary>
    public bool AllFramesToHandler { get; init; }

    /// <summary>Called after replies freed places in the ring or a flush freed bytes.</summary>
    public Action? OnRoom { get; init; }

    /// <summary>Ends with the commands that were never sent, in order.</summary>
    public Task<List<PendingReply>> Ended => _ended.Task;

    /// <summary>Ends when no large payload of a caller is read any more.</summary>
    public Task PayloadSent => Volatile.Read(ref _payloadSent);

    public Exception? BreakReason => Volatile.Read(ref _breakReason);

    public int InFlight => _ring.Count;

    /// <summary>When bytes last came, as a timestamp.</summary>
    public long LastReceived => Volatile.Read(ref _lastReceived);

    public void Start() => ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Receive(), this, preferLocal: false);

    /// <summary>Gives the connection up; safe from anywhere, any number of times.</summary>
    public void Break(Exception reason)
    {
        Interlocked.CompareExchange(ref _breakReason, reason, null);
        _transport.Dispose();
    }

    private void OnReceived()
    {
        if (TakeReceived())
            Receive();
    }

    private bool TakeReceived()
    {
        int count;
        try
        {
            count = _receiving.GetResult();
        }
        catch (Exception failure)
        {
            End(failure);
            return false;
        }

        if (count == 0)
        {
            End(new IOException("The server closed the connection."));
            return false;
        }

        _received.Filled(count);
        return true;
    }

    private void Receive()
    {
        while (true)
        {
            if (!TryProcess())
                return;
            if (_options.InlineContinuations)
                RunBatch(elsewhere: false);

            ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter receiving;
            try
            {
                var wanted = _streamed is null ? _scanner.LengthAtLeast : Math.Min(_streamedLength - _streamedSoFar, StreamedReceiveBytes);
                receiving = AwaiterOf(_transport.ReceiveAsync(_received.Room(wanted)));
                _receiving = receiving;
            }
            catch (Exception failure)
            {
                End(failure);
                return;
            }

            if (!receiving.IsCompleted)
            {
                // From the registration on another thread may be the reader: nothing of this object's reading state is touched after it.
                var batch = Interlocked.Exchange(ref _batch, null);
                receiving.UnsafeOnCompleted(_onReceived);
                batch?.Run(alone: false);
                return;
            }

            if (!TakeReceived())
                return;
        }
    }

    private void RunBatch(bool elsewhere)
    {
        var batch = _batch;
        _batch = null;
        if (elsewhere)
            batch?.RunElsewhere();
        else
            batch?.Run(alone: true);
    }

    private void Add(PendingReply command)
    {
        _batch ??= CompletionBatch.Rent();
        _batch.Add(command);
        if (_batch.Count == CompletionBatch.Capacity)
            RunBatch(elsewhere: !_options.InlineContinuations);
    }

    /// <summary>Handles every complete reply that is there; false when the connection ended.</summary>
    private bool TryProcess()
    {
        Volatile.Write(ref _lastReceived, _time.GetTimestamp());
        var before = _ring.Head;
        try
        {
            while (!_received.Unread.IsEmpty)
            {
                var went = _streamed is not null ? TryStream() : TryReadBulk() || TryReadFrame();
                if (!went)
                    break;
            }
        }
        catch (Exception failure)
        {
            End(failure);
            return false;
        }

        if (_ring.Head != before)
        {
            Interlocked.MemoryBarrier(); // the freed places are seen before the waiting count is looked at, see Lane
            OnRoom?.Invoke();
        }

        return true;
    }

    /// <summary>A whole bulk string for a caller who wants its bytes; false: not that, or not whole.</summary>
    private bool TryReadBulk()
    {
        var unread = _received.Unread;
        if (unread[0] != (byte)RespKind.Bulk || AllFramesToHandler || _scanner.Length != 0 || _ring.Peek() is not { } command
            || command.Shape > ReplyShape.Value || command.RepliesOwedBefore > 0
            || RespHeader.TryRead(unread, out var header) != RespProgress.Complete || header.Number < 0)
        {
            return false;
        }

        var length = (int)header.Number;
        if (length > _options.ReplyBytesMax)
            throw new RedisException(RedisErrorKind.Protocol, $"A value of {length} bytes is above {nameof(RedisOptions.ReplyBytesMax)}.");

        if (unread.Length - header.Length < length + 2)
        {
            if (length < StreamedBytesMin)
                return false;
            BeginStream(command, length);
            _received.Consume(header.Length);
            return true;
        }

        DemandLineEnd(unread[(header.Length + length)..]);
        _ring.Pop();
        if (command.TryBeginDelivery())
        {
            if (command.FailureBefore is { } earlier)
                command.SetFailure(earlier);
            else
                ReplyDelivery.FillBulk(command, unread.Slice(header.Length, length));
            command.EndDelivery();
            Add(command);
        }
        else
        {
            command.ReleaseAbandoned();
        }

        _received.Consume(header.Length + length + 2);
        return true;
    }

    private void BeginStream(PendingReply command, int length)
    {
        _streamed = command;
        _streamedLength = length;
        _streamedSoFar = 0;
        if (command.Shape == ReplyShape.Value && command.TryBeginDelivery())
        {
            command.SetBuffer(ValueBuffer.Rent(length));
            command.PauseDelivery();
        }
    }

    /// <summary>Copies the part of a large value that is there; its caller may leave between parts, the rest is then read and dropped.</summary>
    private bool TryStream()
    {
        var command = _streamed!;
        var unread = _received.Unread;
        var part = Math.Min(unread.Length, _streamedLength - _streamedSoFar);
        var claimed = command.TryBeginDelivery();
        if (claimed)
            command.CopyPart(unread[..part], _streamedSoFar);

        var isLast = _streamedSoFar + part == _streamedLength;
        if (isLast && unread.Length - part < 2)
        {
            // Wait for the line end together with what is left, so that the last step sees both.
            part = Math.Max(0, part - 1);
            isLast = false;
        }

        _streamedSoFar += part;
        if (!isLast)
        {
            if (claimed)
                command.PauseDelivery();
            _received.Consume(part);
            return part > 0;
        }

        if (unread[part] != '\r' || unread[part + 1] != '\n')
        {
            if (claimed)
                command.PauseDelivery();
            DemandLineEnd(unread[part..]);
        }

        _streamed = null;
        _received.Consume(part + 2);
        _ring.Pop();
        if (claimed)
        {
            command.SetNumber(_streamedLength);
            command.EndDelivery();
            Add(command);
        }
        else
        {
            command.ReleaseAbandoned();
        }

        return true;
    }

    private bool TryReadFrame()
    {
        var unread = _received.Unread;
        switch (_scanner.Scan(unread))
        {
            case RespProgress.NeedMore:
                return false;
            case RespProgress.Malformed:
                throw new RedisException(RedisErrorKind.Protocol, "The server sent bytes that are not RESP, or a reply above the size limit.");
        }

        var frame = unread[..(int)_scanner.Length];
        _scanner.Reset();
        Dispatch(frame);
        _received.Consume(frame.Length);
        return true;
    }

    private void Dispatch(ReadOnlySpan<byte> frame)
    {
        if (AllFramesToHandler || frame[0] == (byte)RespKind.Push)
        {
            Handler?.OnFrame(RespElement.Parse(frame));
            return;
        }

        var command = _ring.Peek() ?? throw new RedisException(RedisErrorKind.Protocol, "The server answered a command that was not sent.");
        if (command.RepliesOwedBefore > 0)
        {
            command.RepliesOwedBefore--;
            var early = RespElement.Parse(frame);
            if (early.IsError)
                command.FailureBefore ??= new RedisException(RedisErrorKind.Refused, early.GetString());
            return;
        }

        _ring.Pop();
        if (frame[0] == (byte)RespKind.Error && command.Router is { } router && TryRedirect(router, command, frame))
            return;

        if (command.TryBeginDelivery())
        {
            ReplyDelivery.Fill(command, frame);
            command.EndDelivery();
            Add(command);
        }
        else
        {
            command.ReleaseAbandoned();
        }
    }

    /// <summary>For a transaction the first refusal counts: EXECABORT only repeats it.</summary>
    private static bool TryRedirect(ICommandRouter router, PendingReply command, ReadOnlySpan<byte> frame) =>
        router.TryRedirect(command, command.FailureBefore is { } earlier ? Encoding.UTF8.GetBytes(earlier.Message) : RespElement.Parse(frame).Bytes);

    private static void DemandLineEnd(ReadOnlySpan<byte> bytes)
    {
        if (bytes[0] != '\r' || bytes[1] != '\n')
            throw new RedisException(RedisErrorKind.Protocol, "A bulk string does not end where its length says.");
    }

    /// <summary>The reader's last act: tells every command what became of it. Runs once, since only one receive is ever under way.</summary>
    private void End(Exception failure)
    {
        Break(failure);
        var reason = BreakReason!;
        long sent;
        lock (_writeLock)
        {
            _closed = true;
            sent = _sentTail;
        }

        RunBatch(elsewhere: true);
        var unsent = new List<PendingReply>();
        while (_ring.Peek() is { } command)
        {
            var wasSent = _ring.Head < sent;
            _ring.Pop();
            if (!wasSent)
            {
                unsent.Add(command);
            }
            else if (command.TryFail(new RedisException(
                reason is RedisException { Kind: RedisErrorKind.Protocol } ? RedisErrorKind.Protocol : RedisErrorKind.MayHaveRun,
                $"The connection broke before the reply: {reason.Message}",
                reason)))
            {
                Add(command);
            }
        }

        RunBatch(elsewhere: true);
        _ended.TrySetResult(unsent);
    }
}
