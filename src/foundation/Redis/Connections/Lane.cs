using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;

namespace SkyRiff.Redis.Connections;

/// <summary>What every connection of a client shares.</summary>
internal sealed record ClientContext(RedisOptions Options, TimeProvider Time, Entropy Entropy, ILogger Logger);

/// <summary>
/// A place for one connection to one server that is kept alive: connects, reconnects with jittered backoff, and holds the commands that wait, in order
/// and bounded, because the connection is full or away.
/// <code>
///   (first command) -> Connecting --handshake done--> Open --broke--> Connecting (with backoff) ...
///                          \-- disposed --------------- \--> Disposed: what waits is failed
/// </code>
/// </summary>
internal sealed class Lane : IAsyncDisposable
{
    /// <summary>A connection that owes replies is given up after a silence of this many time limits; one would punish a server for a single slow command.</summary>
    private const int SilentLimits = 2;

    private readonly ClientContext _context;
    private readonly ICommandRouter _router;
    private readonly ConnectionPurpose _purpose;
    private readonly IFrameHandler? _handler;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private Queue<PendingReply> _waiting = new();
    private int _waitingCount;
    private Connection? _open;
    private Task? _running;
    private long _awaySince;
    private long _breaks;
    private Connection? _askedForLife;
    private long _askedAt;
    private Exception? _lastFailure;
    private TaskCompletionSource _connected = NewSignal();

    public Lane(RedisEndpoint endpoint, ConnectionPurpose purpose, ClientContext context, ICommandRouter router, IFrameHandler? handler)
    {
        Endpoint = endpoint;
        _purpose = purpose;
        _context = context;
        _router = router;
        _handler = handler;
        _awaySince = context.Time.GetTimestamp();
    }

    public RedisEndpoint Endpoint { get; }

    /// <summary>Called with true after each connect, with false after each break, in turn.</summary>
    public Action<bool>? OnChange { get; init; }

    public bool IsOpen => Volatile.Read(ref _open) is not null;

    /// <summary>Whether a connection failed since the last one that worked.</summary>
    public bool WasTried => Volatile.Read(ref _lastFailure) is not null;

    public Exception? LastFailure => Volatile.Read(ref _lastFailure);

    public int Waiting => Volatile.Read(ref _waitingCount);

    public long Breaks => Interlocked.Read(ref _breaks);

    public int Load => (Volatile.Read(ref _open)?.InFlight ?? 0) + Volatile.Read(ref _waitingCount);

    public Connection? Current => Volatile.Read(ref _open);

    public bool SpeaksResp3 => Volatile.Read(ref _open)?.SpeaksResp3 ?? false;

    /// <summary>Hands the command to the connection, queues it, or fails it; never blocks.</summary>
    public void Send(PendingReply command)
    {
        var open = Volatile.Read(ref _open);
        if (open is null || Volatile.Read(ref _waitingCount) > 0 || LostItsConnection(command, open) || open.TryAppend(command) != AppendResult.Accepted)
            SendSlowly(command);
    }

    /// <summary>Starts connecting, unless it did.</summary>
    public void Start()
    {
        if (Volatile.Read(ref _running) is not null)
            return;
        lock (_lock)
            EnsureRunningLocked();
    }

    /// <summary>Starts connecting, and waits for the first connection; throws <see cref="RedisErrorKind.NotSent"/> with the last attempt's failure when the token is cancelled first.</summary>
    public async Task ConnectAsync(CancellationToken cancellation)
    {
        Task connected;
        lock (_lock)
        {
            EnsureRunningLocked();
            connected = _connected.Task;
        }

        try
        {
            await connected.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            throw Unreachable(Volatile.Read(ref _lastFailure));
        }
    }

    public void Sweep(long now)
    {
        var time = _context.Time;
        Volatile.Read(ref _open)?.Sweep(now, now - (SilentLimits * Ticks(_context.Options.TimeLimit)), TimedOut);
        if (Volatile.Read(ref _waitingCount) == 0)
            return;

        lock (_lock)
        {
            var impatient = _open is null && time.GetElapsedTime(_awaySince, now) > _context.Options.OutagePatience;
            var kept = new Queue<PendingReply>(_waiting.Count);
            foreach (var command in _waiting)
            {
                if (impatient)
                    FailLater(command, Unreachable(_lastFailure));
                else if (command.TryExpire(now, NotSentInTime))
                    command.ReleaseAbandoned();
                else if (command.IsPending)
                    kept.Enqueue(command);
                else
                    command.ReleaseAbandoned();
            }

            _waiting = kept;
            Volatile.Write(ref _waitingCount, kept.Count);
        }
    }

    /// <summary>Takes what waits while no connection is open, so that it can be sent elsewhere.</summary>
    public PendingReply[] TakeWaiting()
    {
        lock (_lock)
        {
            if (_open is not null)
                return [];
            var taken = _waiting.ToArray();
            _waiting.Clear();
            Volatile.Write(ref _waitingCount, 0);
            return taken;
        }
    }

    /// <summary>Writes bytes whose answers are frames for the handler; false while away.</summary>
    public bool TrySendUnanswered(ReadOnlySpan<byte> bytes) => Volatile.Read(ref _open)?.TryAppendUnanswered(bytes) ?? false;

    /// <summary>
    /// For connections whose silence would hide a loss: asks a silent one for a sign of life, and breaks one that stayed silent. Called at sweeps.
    /// </summary>
    public void KeepAlive(long now)
    {
        if (Volatile.Read(ref _open) is not { } open)
            return;

        var period = _context.Options.HeartbeatPeriod;
        var silence = _context.Time.GetElapsedTime(open.LastReceived, now);
        if (silence < period)
        {
            _askedForLife = null;
        }
        else if (!ReferenceEquals(_askedForLife, open))
        {
            _askedForLife = open;
            _askedAt = now;
            if (_purpose.AllFramesToHandler)
            {
                open.TryAppendUnanswered("*1\r\n$4\r\nPING\r\n"u8);
                return;
            }

            // Nobody takes this reply: the command is dropped for the collector once the reader let go of it.
            var ping = PendingReply.Rent(ReplyShape.Integer);
            ping.Command.Raw("*1\r\n$4\r\nPING\r\n"u8);
            open.TryAppend(ping);
        }
        else if (_context.Time.GetElapsedTime(_askedAt, now) >= period)
        {
            open.Break(new TimeoutException("The server gave no sign of life."));
        }
    }

    public void Break(Exception reason) => Volatile.Read(ref _open)?.Break(reason);

    /// <summary>Ends when nobody reads a caller's payload.</summary>
    public Task PayloadSent => Volatile.Read(ref _open)?.PayloadSent ?? Task.CompletedTask;

    /// <summary>Gives the connection up, and waits until nobody reads a caller's payload.</summary>
    public async Task BreakAndWaitAsync(Exception reason)
    {
        if (Volatile.Read(ref _open) is not { } open)
            return;
        open.Break(reason);
        await open.Ended;
        await open.PayloadSent;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Break(new RedisException(RedisErrorKind.Disposed, "The client was disposed."));
        Task? running;
        lock (_lock)
            running = _running;
        if (running is not null)
            await running;
        foreach (var command in TakeWaiting())
            FailLater(command, Disposed());
    }

    private void SendSlowly(PendingReply command)
    {
        Exception? refusal = null;
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested)
                refusal = Disposed();
            else if (_waitingCount >= _context.Options.WaitingMax)
                refusal = new RedisException(RedisErrorKind.Overloaded, $"{_waitingCount} commands wait for {Endpoint} already.");
            else if (_open is null && _running is not null && _context.Time.GetElapsedTime(_awaySince) > _context.Options.OutagePatience)
                refusal = Unreachable(_lastFailure);
            else if (LostItsConnection(command, _open))
                refusal = ConnectionLost();

            if (refusal is null)
            {
                EnsureRunningLocked();
                _waiting.Enqueue(command);
                Volatile.Write(ref _waitingCount, _waiting.Count);
                Interlocked.MemoryBarrier(); // the other half of Connection.TryProcess: it frees a place, then looks at the count
                DrainWaitingLocked();
            }
        }

        if (refusal is not null)
            FailLater(command, refusal);
    }

    private void OnRoom()
    {
        if (Volatile.Read(ref _waitingCount) == 0)
            return;
        lock (_lock)
            DrainWaitingLocked();
    }

    private void DrainWaitingLocked()
    {
        while (_open is { } open && _waiting.TryPeek(out var command))
        {
            if (LostItsConnection(command, _open))
                FailLater(command, ConnectionLost());
            else if (!command.IsPending)
                command.ReleaseAbandoned();
            else if (open.TryAppend(command) != AppendResult.Accepted)
                break;
            _waiting.Dequeue();
        }

        Volatile.Write(ref _waitingCount, _waiting.Count);
    }

    private static bool LostItsConnection(PendingReply command, Connection? open) => command.OnlyOn is { } only && !ReferenceEquals(only, open);

    private void EnsureRunningLocked()
    {
        if (_running is not null || _stopping.IsCancellationRequested)
            return;
        _awaySince = _context.Time.GetTimestamp();
        _running = Task.Run(KeepOpenAsync, CancellationToken.None);
    }

    private async Task KeepOpenAsync()
    {
        var failures = 0;
        while (!_stopping.IsCancellationRequested)
        {
            var connection = await TryOpenAsync();
            if (connection is not null)
            {
                failures = 0;
                await RunOpenAsync(connection);
            }

            if (_stopping.IsCancellationRequested)
                return;
            _router.OnUnreachable(Endpoint);
            var delay = _context.Entropy.Backoff(_context.Options.ReconnectDelayBase, _context.Options.ReconnectDelayMax, failures++);
            await Task.Delay(delay, _context.Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Connection?> TryOpenAsync()
    {
        Transport? transport = null;
        try
        {
            using var late = new CancellationTokenSource(_context.Options.ConnectTimeLimit, _context.Time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, late.Token);
            transport = await Transport.ConnectAsync(Endpoint, _context.Options.Tls, limit.Token);
            var made = transport;
            await using var abandon = limit.Token.UnsafeRegister(static t => ((Transport)t!).Dispose(), made);
            var received = new ReceiveBuffer();
            var resp3 = await new Handshake(transport, received, _context.Options).RunAsync(_purpose);
            return new Connection(transport, received, resp3, _context.Options, _context.Time)
            {
                Handler = _handler,
                AllFramesToHandler = _purpose.AllFramesToHandler,
                ExpectsPushes = _purpose.AllFramesToHandler || _purpose.Tracking is not null,
                OnRoom = OnRoom,
            };
        }
        catch (Exception failure)
        {
            transport?.Dispose();
            if (Interlocked.Exchange(ref _lastFailure, failure) is null)
                _context.Logger.LogWarning(failure, "Redis {Endpoint} cannot be reached; trying again", Endpoint);
            return null;
        }
    }

    private async Task RunOpenAsync(Connection connection)
    {
        Volatile.Write(ref _lastFailure, null);
        connection.Start();
        lock (_lock)
        {
            Volatile.Write(ref _open, connection);
            _connected.TrySetResult();
            DrainWaitingLocked();
        }

        OnChange?.Invoke(true);

        // Disposed between the handshake and now: Break found nothing to break.
        if (_stopping.IsCancellationRequested)
            connection.Break(Disposed());

        var unsent = await connection.Ended;
        Interlocked.Increment(ref _breaks);
        lock (_lock)
        {
            Volatile.Write(ref _open, null);
            _awaySince = _context.Time.GetTimestamp();
            _connected = NewSignal();
            if (unsent.Count > 0)
                _waiting = new Queue<PendingReply>(unsent.Concat(_waiting));
            Volatile.Write(ref _waitingCount, _waiting.Count);
        }

        Volatile.Write(ref _lastFailure, connection.BreakReason);
        if (!_stopping.IsCancellationRequested)
            _context.Logger.LogWarning("Redis {Endpoint}: the connection broke ({Reason}); reconnecting", Endpoint, connection.BreakReason?.Message);
        OnChange?.Invoke(false);
    }

    private RedisException Unreachable(Exception? cause) =>
        new(RedisErrorKind.NotSent, $"Redis {Endpoint} cannot be reached: {cause?.Message ?? "not connected yet"}", cause);

    private RedisException TimedOut() => new(RedisErrorKind.TimedOut, $"Redis {Endpoint} did not answer within the time limit.");

    private RedisException NotSentInTime() => new(RedisErrorKind.NotSent, $"No connection to Redis {Endpoint} within the time limit: {_lastFailure?.Message ?? "none had room"}", _lastFailure);

    private RedisException ConnectionLost() => new(RedisErrorKind.NotSent, $"The connection to Redis {Endpoint} that the command depends on broke.", _lastFailure);

    private static RedisException Disposed() => new(RedisErrorKind.Disposed, "The client was disposed.");

    private long Ticks(TimeSpan duration) => (long)(duration.TotalSeconds * _context.Time.TimestampFrequency);

    private static void FailLater(PendingReply command, Exception failure)
    {
        if (command.TryFail(failure))
            ThreadPool.UnsafeQueueUserWorkItem(command, preferLocal: false);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
