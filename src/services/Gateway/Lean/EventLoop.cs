using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.Telemetry;
using SkyRiff.Kernel;
using SkyRiff.Resilience;

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// One thread that accepts, parses, decides, forwards and replies; nothing in it blocks but waiting for events, and nothing of it is shared but
/// the snapshot it reads. Scratch buffers and parsed heads exist once per loop, since only one event is handled at a time.
/// </summary>
internal sealed unsafe class EventLoop
{
    private const int EventsMax = 512;
    private const int TellMilliseconds = 1000;
    private const int InBytes = 64 * 1024;

    /// <summary>Fits into a small buffer, with the frame of a chunk around it.</summary>
    private const int BodyBytesWhenMany = BufferPool.SmallBytes - 64;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte[] _events = BufferPool.Allocate(EventsMax * 16);
    private readonly Queue<Connection> _ready = new();
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly Func<EdgeSnapshot> _snapshot;
    private readonly TimeProvider _time;
    private readonly MonotonicClock _clock;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Connection?[] _connections = new Connection?[1024];
    private uint[] _generations = new uint[1024];
    private SpanIds _spanIds;
    private Listener? _listener;
    private long _drainDeadline;
    private long _wallReadAt = -1;
    private long _wall;
    private long _toldAt;
    private bool _stopping;

    public EventLoop(LeanOptions options, Func<EdgeSnapshot> snapshot, TimeProvider time, Entropy entropy)
    {
        Options = options;
        _snapshot = snapshot;
        _time = time;
        _clock = new MonotonicClock(time);
        _spanIds = new SpanIds(entropy);
        Entropy = entropy;
        ReadClock();
        Timers = new TimerWheel(Now);
        _epoll = Check(Libc.EpollCreate(Libc.CloseOnExec));
        _wake = Check(Libc.EventFd(0, Libc.NonBlockingCloseOnExec));
        Watch(_wake, Libc.EpollIn, generation: 0);
        Exchanges = new ExchangePool(this);
        Upstreams = new UpstreamPools(this);
    }

    public LeanOptions Options { get; }

    public BufferPool Buffers { get; } = new();

    public TimerWheel Timers { get; }

    public HedgeTimers Hedges { get; } = new();

    public ExchangePool Exchanges { get; }

    public UpstreamPools Upstreams { get; }

    /// <summary>What was last received, until the handler of the event returns.</summary>
    public byte[] In { get; } = BufferPool.Allocate(InBytes);

    /// <summary>What is about to be sent.</summary>
    public byte[] Out { get; } = BufferPool.Allocate(BufferPool.LargeBytes);

    public RequestHead RequestHead { get; } = new();

    public ResponseHead ResponseHead { get; } = new();

    public LoopCounters Counters { get; } = new();

    public LaneMetrics Metrics { get; } = new();

    /// <summary>Null when nothing is logged. Set before the loop starts.</summary>
    public AccessLogLane? AccessLog { get; init; }

    /// <summary>Milliseconds, read once per batch of events.</summary>
    public long Now { get; private set; }

    public bool Draining { get; private set; }

    public EdgeSnapshot Snapshot => _snapshot();

    public Task Stopped => _stopped.Task;

    public ref SpanIds SpanIds => ref _spanIds;

    /// <summary>The time of the batch, for decisions.</summary>
    public EdgeTime Time { get; private set; }

    /// <summary>Nanoseconds at this moment, for durations.</summary>
    public long Nanoseconds => _clock.Now;

    public Entropy Entropy { get; }

    /// <summary>Listens before the thread starts, so that a port that is taken is the starter's error.</summary>
    public int Listen(SocketAddress address)
    {
        _listener = Listener.Open(this, address, Options);
        return _listener.Port;
    }

    public void Start(string name) => new Thread(Run) { Name = name, IsBackground = true }.Start();

    /// <summary>Runs on the loop's thread soon; from any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        var one = 1L;
        _ = Libc.Write(_wake, (byte*)&one, sizeof(long));
    }

    public void BeginDrain() => Post(() =>
    {
        if (Draining) return;
        Draining = true;
        _drainDeadline = Now + (long)Options.DrainTimeout.TotalMilliseconds;
        _listener?.Close();
        foreach (var connection in _connections) (connection as ClientConnection)?.BeginDrain();
    });

    public void Register(Connection connection, int events, bool edgeTriggered = true)
    {
        var fd = connection.Fd;
        if (fd >= _connections.Length)
        {
            var size = Math.Max(fd + 1, _connections.Length * 2);
            Array.Resize(ref _connections, size);
            Array.Resize(ref _generations, size);
        }
        _connections[fd] = connection;
        Watch(fd, edgeTriggered ? (uint)events | Libc.EpollEdgeTriggered : (uint)events, _generations[fd]);
    }

    /// <summary>Changes what a level-triggered socket is watched for.</summary>
    public void Rewatch(Connection connection, int events) => Watch(connection.Fd, (uint)events, _generations[connection.Fd], Libc.EpollCtlModify);

    /// <summary>The socket is about to be closed; events for it that were already fetched will not reach whoever gets its number next.</summary>
    public void Forget(int fd)
    {
        _connections[fd] = null;
        _generations[fd]++;
    }

    /// <summary>The connection has something to do that needs no event; see <see cref="Connection.Queue"/>.</summary>
    public void Resume(Connection connection) => _ready.Enqueue(connection);

    /// <summary>How much of a body to read at once.</summary>
    public Span<byte> BodyIn => Buffers.LargeAreMany ? In.AsSpan(0, BodyBytesWhenMany) : In;

    public void ClientClosed() => _listener?.Resume();

    private void Run()
    {
        while (!_stopping)
        {
            int count;
            fixed (byte* events = _events)
                count = Libc.EpollWait(_epoll, events, EventsMax, _ready.Count > 0 ? 0 : Hedges.Patience(Now, TimerWheel.TickMilliseconds));
            ReadClock();
            for (var i = 0; i < count; i++) Dispatch(i);
            for (var turns = _ready.Count; turns > 0; turns--) Guard(_ready.Dequeue(), ready: true);
            while (Hedges.TryTakeDue(Now, out var exchange, out var serial)) Guard(exchange, serial);
            Timers.Advance(Now);
            if (Now - _toldAt >= TellMilliseconds) Tell();
            while (_posted.TryDequeue(out var action)) action();
            if (Draining && (Counters.ClientsOpen == 0 || Now >= _drainDeadline)) _stopping = true;
        }
        foreach (var connection in _connections) connection?.Close();
        AccessLog?.Flush();
        _ = Libc.Close(_wake);
        _ = Libc.Close(_epoll);
        _stopped.SetResult();
    }

    private void Dispatch(int index)
    {
        var record = _events.AsSpan(index * Libc.EventBytes, Libc.EventBytes);
        var events = Unsafe.ReadUnaligned<uint>(ref record[0]);
        var data = Unsafe.ReadUnaligned<ulong>(ref record[Libc.EventDataOffset]);
        var fd = (int)(uint)data;
        if (fd == _wake)
        {
            long value;
            _ = Libc.Read(_wake, (byte*)&value, sizeof(long));
            return;
        }
        var connection = _connections[fd];
        if (connection is null || _generations[fd] != (uint)(data >> 32)) return;
        Guard(connection, ready: false, events);
    }

    /// <summary>A bug in one exchange costs that connection, is counted, and never the loop.</summary>
    private void Guard(Connection connection, bool ready, uint events = 0)
    {
        try
        {
            if (!connection.IsOpen) return;
            if (ready) connection.TakeTurn();
            else connection.OnEvents(events);
        }
        catch (Exception bug)
        {
            Counters.Bugs++;
            Counters.LastBug = bug;
            connection.Close();
        }
    }

    private void Guard(Exchange exchange, int serial)
    {
        try
        {
            exchange.OnHedgeDue(serial);
        }
        catch (Exception bug)
        {
            Counters.Bugs++;
            Counters.LastBug = bug;
            exchange.Client?.Close();
        }
    }

    /// <summary>What readers outside the loop wait for.</summary>
    private void Tell()
    {
        _toldAt = Now;
        Counters.AllocatedBytes = GC.GetAllocatedBytesForCurrentThread();
        AccessLog?.Flush();
    }

    private void ReadClock()
    {
        var nanoseconds = _clock.Now;
        Now = nanoseconds / 1_000_000;
        if (Now != _wallReadAt)
        {
            _wallReadAt = Now;
            _wall = _time.GetUtcNow().ToUnixTimeSeconds();
        }
        Time = new EdgeTime(nanoseconds, _wall);
    }

    private void Watch(int fd, uint events, uint generation, int operation = Libc.EpollCtlAdd)
    {
        Span<byte> record = stackalloc byte[16];
        Unsafe.WriteUnaligned(ref record[0], events);
        Unsafe.WriteUnaligned(ref record[Libc.EventDataOffset], ((ulong)generation << 32) | (uint)fd);
        fixed (byte* pointer = record) Check(Libc.EpollControl(_epoll, operation, fd, pointer));
    }

    private static int Check(int result) =>
        result >= 0 ? result : throw new IOException($"A system call of the event loop failed with errno {Libc.LastError}.");
}
