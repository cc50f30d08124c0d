using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// A client. It holds a buffer only while a request is being read or served.
/// <code>
///   Idle --byte--> ReadingHead --head--> Busy --reply sent--> Idle
///                      \--refused--> Flushing --> Lingering --> closed
/// </code>
/// </summary>
internal sealed class ClientConnection : Connection
{
    private byte[]? _inbound;
    private int _start;
    private int _end;
    private int _lingered;
    private State _state;
    private bool _awaitsProxyHeader;
    private long _windowBytes;

    public ClientConnection(EventLoop loop, int fd, PeerAddress peer)
        : base(loop, fd)
    {
        Peer = peer;
        _awaitsProxyHeader = loop.Options.ProxyProtocol;
        loop.Counters.ClientsOpen++;
        loop.Counters.ClientsAccepted++;
        loop.Timers.Set(this, loop.Now + (long)loop.Options.HeadTimeout.TotalMilliseconds);
    }

    private enum State : byte
    {
        Idle,
        ReadingHead,
        Busy,
        Flushing,
        Lingering,
    }

    /// <summary>Who it is: the socket's peer, or whom a PROXY header names.</summary>
    public PeerAddress Peer { get; private set; }

    public Exchange? Exchange { get; private set; }

    /// <summary>What was received and not used up: the head of the request in work, then its body, then the next request.</summary>
    public byte[] Inbound => _inbound!;

    public int InboundStart => _start;

    public int InboundEnd => _end;

    /// <summary>The exchange wants the timer for its own phase.</summary>
    public void SetDeadline(TimeSpan after) => Loop.Timers.Set(this, Loop.Now + (long)after.TotalMilliseconds);

    /// <summary>Watches that bytes go on flowing, see <see cref="LeanOptions.ProgressWindow"/>.</summary>
    public void WatchProgress(long bytesSoFar)
    {
        _windowBytes = bytesSoFar;
        SetDeadline(Loop.Options.ProgressWindow);
    }

    public bool MadeProgress(long bytesSoFar)
    {
        var enough = bytesSoFar - _windowBytes >= Loop.Options.WindowBytesMin;
        _windowBytes = bytesSoFar;
        return enough;
    }

    /// <summary>Bytes behind a chunked body that were received with it. False when they do not fit: then this connection ends with its reply.</summary>
    public bool TryUnread(ReadOnlySpan<byte> bytes)
    {
        if (_inbound!.Length - _end < bytes.Length) Grow();
        if (_inbound!.Length - _end < bytes.Length) return false;
        bytes.CopyTo(_inbound.AsSpan(_end));
        _end += bytes.Length;
        return true;
    }

    /// <summary>The request and the body bytes that were received with it are used up.</summary>
    public void Discard(int bytes) => _start += bytes;

    /// <summary>The exchange is over and its reply handed to <see cref="Connection.Send"/>.</summary>
    public void Finished(bool keepAlive)
    {
        Exchange = null;
        if (HasPending)
        {
            _state = State.Flushing;
            KeepAfterFlush = keepAlive;
            WatchProgress(BytesSent);
            return;
        }
        if (keepAlive) Next();
        else Linger();
    }

    private bool KeepAfterFlush { get; set; }

    public void BeginDrain()
    {
        if (_state == State.Idle) SetDeadline(Loop.Options.DrainIdleTimeout);
    }

    protected override void OnResumed()
    {
        if (_state is State.Idle or State.ReadingHead) ReadHead(parseFirst: true);
        else if (_state == State.Busy) Exchange!.OnResumed();
        else if (Readable) OnReadable();
    }

    /// <summary>Another turn soon, without an event: the exchange has more to do, and others go first.</summary>
    public void ResumeSoon() => Queue();

    public override void Close()
    {
        if (!IsOpen) return;
        if (Exchange is { } exchange)
        {
            Exchange = null;
            exchange.ClientGone();
        }
        ReturnInbound();
        base.Close();
        Loop.Counters.ClientsOpen--;
        Loop.ClientClosed();
    }

    protected override void OnReadable()
    {
        switch (_state)
        {
            case State.Idle or State.ReadingHead:
                ReadHead(parseFirst: false);
                break;
            case State.Busy:
                Exchange!.OnClientReadable();
                break;
            case State.Lingering:
                Swallow();
                break;
        }
    }

    protected override void OnWritable()
    {
        if (!HasPending) return;
        if (!Flush())
        {
            Close();
            return;
        }
        if (HasPending) return;
        if (_state == State.Busy) Exchange!.OnClientFlushed();
        else if (_state == State.Flushing && KeepAfterFlush) Next();
        else if (_state == State.Flushing) Linger();
    }

    protected internal override void OnDeadline()
    {
        switch (_state)
        {
            case State.Busy:
                Exchange!.OnDeadline();
                break;
            case State.ReadingHead:
                Loop.Counters.TimedOut++;
                RefuseHead(Refusal.HeadTimeout);
                break;
            case State.Flushing when MadeProgress(BytesSent):
                SetDeadline(Loop.Options.ProgressWindow);
                break;
            case State.Flushing:
                Reset();
                break;
            default:
                Close();
                break;
        }
    }

    private void ReadHead(bool parseFirst)
    {
        if (parseFirst && _end > _start)
        {
            if (Parse() || !IsOpen) return;
            if (!Readable) return;
        }
        _inbound ??= Loop.Buffers.Rent(BufferPool.TinyBytes);
        while (Readable)
        {
            if (_end == _inbound.Length && _start > 0) MoveToFront();
            var received = Receive(_inbound.AsSpan(_end));
            if (received < 0 || (received == 0 && _end < _inbound.Length))
            {
                if (received == -1) break;
                Close();
                return;
            }
            var hadLine = _inbound.AsSpan(_end, received).Contains((byte)'\n');
            var first = _end == _start;
            _end += received;
            if (_end == _inbound.Length && Grow())
            {
                // More of it is probably here: the larger buffer is filled before it is looked at, so that a small body is there with its head.
                var more = Receive(_inbound.AsSpan(_end));
                hadLine |= more > 0 && _inbound.AsSpan(_end, more).Contains((byte)'\n');
                _end += Math.Max(0, more);
            }
            // Only a line end can complete a head or make it refusable, but for the first bytes and a full buffer.
            if ((hadLine || first || _awaitsProxyHeader || _end == _inbound.Length) && (Parse() || !IsOpen)) return;
        }
        if (_end == _start) ReturnInbound();
    }

    /// <summary>True when a request was taken on or refused; false when more bytes are needed.</summary>
    private bool Parse()
    {
        if (_awaitsProxyHeader && !ReadProxyHeader()) return !IsOpen;
        var head = Loop.RequestHead;
        switch (RequestParser.Parse(_inbound!, _start, _end, Loop.Snapshot.HeadLimits, head))
        {
            case ParseStatus.Complete:
                _state = State.Busy;
                Exchange = Loop.Exchanges.Rent();
                Exchange.Start(this, head);
                return true;
            case ParseStatus.Refused:
                RefuseHead(head.Refusal);
                return true;
        }
        if (_end == _inbound!.Length && _start == 0)
        {
            RefuseHead(Refusal.HeadTooLarge);
            return true;
        }
        if (_state == State.Idle)
        {
            _state = State.ReadingHead;
            SetDeadline(Loop.Options.HeadTimeout);
        }
        return false;
    }

    /// <summary>True once the header is read; a connection without one is closed.</summary>
    private bool ReadProxyHeader()
    {
        switch (ProxyProtocol.Parse(_inbound.AsSpan(_start, _end - _start), out var length, out var address))
        {
            case ParseStatus.Incomplete:
                return false;
            case ParseStatus.Refused:
                Close();
                return false;
        }
        _awaitsProxyHeader = false;
        _start += length;
        if (address.Length > 0) Peer = PeerAddress.Of(address);
        return true;
    }

    /// <summary>What cannot be understood ends the connection: nobody knows where the next request begins.</summary>
    private void RefuseHead(Refusal refusal)
    {
        Loop.Counters.RequestsRefused++;
        Exchange = Loop.Exchanges.Rent();
        _state = State.Busy;
        Exchange.RefuseUnread(this, refusal);
    }

    private void Next()
    {
        if (PeerClosed && !Readable)
        {
            Close();
            return;
        }
        _state = State.Idle;
        SetDeadline(Loop.Draining ? Loop.Options.DrainIdleTimeout : Loop.Options.IdleTimeout);
        if (_end > _start)
        {
            MoveToFront();
            Queue();
        }
        else
        {
            ReturnInbound();
            if (Readable) Queue();
        }
    }

    /// <summary>Sends the end first and reads on for a while, since closing with unread bytes resets what the client has not read (RFC 9112 section 9.6).</summary>
    private void Linger()
    {
        _state = State.Lingering;
        ReturnInbound();
        ShutdownWrite();
        SetDeadline(Loop.Options.LingerTimeout);
        if (PeerClosed) Close();
        else if (Readable) Swallow();
    }

    private void Swallow()
    {
        while (Readable)
        {
            var received = Receive(Loop.In);
            if (received == -1) return;
            _lingered += received;
            if (received > 0 && _lingered < Loop.Options.LingerBytesMax) continue;
            Close();
            return;
        }
    }

    private void MoveToFront()
    {
        _inbound.AsSpan(_start, _end - _start).CopyTo(_inbound);
        _end -= _start;
        _start = 0;
    }

    /// <summary>A tiny buffer becomes a small one, which holds the largest head; false when it is one already.</summary>
    private bool Grow()
    {
        if (_inbound!.Length >= BufferPool.SmallBytes) return false;
        var grown = Loop.Buffers.Rent(BufferPool.SmallBytes);
        _inbound.AsSpan(0, _end).CopyTo(grown);
        Loop.Buffers.Return(_inbound);
        _inbound = grown;
        return true;
    }

    private void ReturnInbound()
    {
        if (_inbound is null) return;
        Loop.Buffers.Return(_inbound);
        _inbound = null;
        _start = _end = 0;
    }
}
