using System.Runtime.CompilerServices;
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
/// One handshaken connection, from its first command to its break; never reopened (see <see cref="Lane"/>). The other parts of it parse and write.
/// <code>
///   caller --TryAppend--> [ pending bytes ] --swap--> [ sending bytes ] --send-->  server
///                |              (lock)     one flusher at a time                     |
///                +-- push --> ( ring of commands in flight ) -- pop --+              |
///                                                                     |              |
///   caller &lt;--continuation-- ( batch ) &lt;--deliver-- parse &lt;-- [ received bytes ] &lt;--+
/// </code>
/// <list type="number">
/// <item>The reader receives, parses all complete replies, copies each value to where its caller wants it, and collects the commands in a batch.</item>
/// <item>It asks for the next bytes, and only then runs the batch (see <see cref="CompletionBatch"/>); a reply that was the only one in flight is
/// completed first, so that its caller's next command does not wait for that (see <see cref="AnswerFirst"/>).</item>
/// <item>Whatever breaks the connection disposes the transport; the reader then wakes with an error and is the only one to clear the ring: commands
/// whose bytes were handed to the operating system may have run; the others go back to the lane.</item>
/// </list>
/// </summary>
internal sealed partial class Connection : IThreadPoolWorkItem
{
    private const int StreamedReceiveBytes = 256 * 1024;

    private readonly Transport _transport;
    private readonly ReceiveBuffer _received;
    private readonly RedisOptions _options;
    private readonly TimeProvider _time;
    private readonly InFlightRing _ring;
    private readonly Action _onReceived;
    private readonly TaskCompletionSource<List<PendingReply>> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private CompletionBatch? _batch;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _receiving;
    private long _lastReceived;
    private Exception? _breakReason;
    private int _unasked;

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

    /// <summary>Frames come here that nobody asked for, so somebody must listen at every moment.</summary>
    public bool ExpectsPushes { get; init; }

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
        AskIfNobodyDoes(); // the reader ends the connection, also when the continuation it runs waits for just that
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
            else if (!AnswerFirst())
                return;

            ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter receiving;
            try
            {
                receiving = Ask();
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

    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter Ask()
    {
        var wanted = _streamed is null ? _scanner.LengthAtLeast : Math.Min(_streamedLength - _streamedSoFar, StreamedReceiveBytes);
        return _receiving = AwaiterOf(_transport.ReceiveAsync(_received.Room(wanted)));
    }

    /// <summary>
    /// For one caller alone, whose next command is what the server waits for: its continuation runs before the next bytes are asked for. It may
    /// block, so until it returns the first to append a command, to break the connection or to sweep it asks in the reader's place. Not where
    /// pushes come unasked.
    /// </summary>
    /// <returns>Whether this thread is the reader still; otherwise nothing of the reading state may be touched.</returns>
    private bool AnswerFirst()
    {
        if (_batch is not { Count: 1 } || _ring.Count > 0 || ExpectsPushes)
            return true;

        var batch = _batch;
        _batch = null;
        Interlocked.Exchange(ref _unasked, 1);
        if (_ring.Count > 0 && Interlocked.Exchange(ref _unasked, 0) == 1)
        {
            _batch = batch; // another caller's command came in between, and may not have seen that nobody asks
            return true;
        }

        batch.Run(alone: true);
        return Interlocked.Exchange(ref _unasked, 0) == 1;
    }

    /// <summary>The other half of <see cref="AnswerFirst"/>: the next reply is asked for here, and handled by the pool.</summary>
    private void AskIfNobodyDoes()
    {
        Interlocked.MemoryBarrier(); // what was appended is seen before the look at the mark
        if (Volatile.Read(ref _unasked) == 0 || Interlocked.Exchange(ref _unasked, 0) == 0)
            return;

        ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter receiving;
        try
        {
            receiving = Ask();
        }
        catch (Exception)
        {
            Start(); // the reader meets the same failure, and ends the connection
            return;
        }

        if (receiving.IsCompleted)
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.OnReceived(), this, preferLocal: false);
        else
            receiving.UnsafeOnCompleted(_onReceived);
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
