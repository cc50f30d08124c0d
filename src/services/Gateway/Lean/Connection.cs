namespace SkyRiff.Gateway.Lean;

/// <summary>
/// One non-blocking socket in one loop. It is registered once, edge-triggered, for reading and writing, so that a request costs no
/// epoll_ctl; <see cref="Readable"/> remembers an edge that was not used up.
/// </summary>
internal abstract unsafe class Connection(EventLoop loop, int fd) : Timed
{
    private byte[]? _pending;
    private int _pendingStart;
    private int _pendingEnd;
    private bool _queued;

    public EventLoop Loop { get; } = loop;

    public int Fd { get; private set; } = fd;

    public bool IsOpen => Fd >= 0;

    /// <summary>There may be bytes, or the end, to receive.</summary>
    public bool Readable { get; set; }

    /// <summary>The peer has closed its side, or the connection broke.</summary>
    public bool PeerClosed { get; private set; }

    /// <summary>Bytes that the peer has not taken yet: whoever produces more must wait until they are flushed.</summary>
    public bool HasPending => _pending is not null;

    /// <summary>Bytes that the kernel took, for the check of slow readers.</summary>
    public long BytesSent { get; private set; }

    public void OnEvents(uint events)
    {
        if ((events & (Libc.EpollRdHup | Libc.EpollHup | Libc.EpollErr)) != 0) PeerClosed = true;
        if ((events & (Libc.EpollIn | Libc.EpollRdHup | Libc.EpollHup | Libc.EpollErr)) != 0) Readable = true;
        if ((events & (Libc.EpollOut | Libc.EpollErr | Libc.EpollHup)) != 0) OnWritable();
        if (IsOpen && Readable) OnReadable();
    }

    /// <summary>Its turn, after <see cref="Queue"/>.</summary>
    public void TakeTurn()
    {
        _queued = false;
        OnResumed();
    }

    /// <summary>Comes to its turn again after the others: for bytes that need no event, and for those that flow so fast that they would keep the loop.</summary>
    public void Queue()
    {
        if (_queued) return;
        _queued = true;
        Loop.Resume(this);
    }

    /// <summary>Bytes received; 0 at the end; -1 when there is nothing now (<see cref="Readable"/> is off then); -2 when the connection broke.</summary>
    public int Receive(Span<byte> destination)
    {
        while (true)
        {
            nint received;
            fixed (byte* pointer = destination) received = Libc.Receive(Fd, pointer, destination.Length, 0);
            if (received > 0)
            {
                // A short read means the queue is empty; the next byte makes a new edge. The end of the stream does not, when it came before.
                if (received < destination.Length && !PeerClosed) Readable = false;
                return (int)received;
            }
            if (received == 0)
            {
                PeerClosed = true;
                return 0;
            }
            var error = Libc.LastError;
            if (error == Libc.ErrorInterrupted) continue;
            if (error == Libc.ErrorAgain)
            {
                Readable = false;
                return -1;
            }
            PeerClosed = true;
            return -2;
        }
    }

    /// <summary>Sends, and keeps what the kernel does not take. False when the connection broke. Must not be called while bytes are pending.</summary>
    public bool Send(ReadOnlySpan<byte> bytes)
    {
        var sent = SendNow(bytes);
        if (sent < 0) return false;
        if (sent < bytes.Length) Keep(bytes[sent..]);
        return true;
    }

    /// <summary>Keeps bytes for when the connection is established.</summary>
    protected void Keep(ReadOnlySpan<byte> bytes)
    {
        _pending = Loop.Buffers.Rent(bytes.Length);
        bytes.CopyTo(_pending);
        _pendingStart = 0;
        _pendingEnd = bytes.Length;
    }

    /// <summary>Sends what is pending; false when the connection broke.</summary>
    protected bool Flush()
    {
        if (_pending is null) return true;
        var sent = SendNow(_pending.AsSpan(_pendingStart, _pendingEnd - _pendingStart));
        if (sent < 0) return false;
        _pendingStart += sent;
        if (_pendingStart == _pendingEnd) DropPending();
        return true;
    }

    protected void DropPending()
    {
        if (_pending is null) return;
        Loop.Buffers.Return(_pending);
        _pending = null;
    }

    protected void ShutdownWrite() => _ = Libc.Shutdown(Fd, Libc.ShutdownWrite);

    /// <summary>Closes the socket and gives everything back; safe to call twice.</summary>
    public virtual void Close()
    {
        if (Fd < 0) return;
        DropPending();
        Loop.Timers.Remove(this);
        Loop.Forget(Fd);
        _ = Libc.Close(Fd);
        Fd = -1;
    }

    /// <summary>Closes the socket and drops what its peer has not taken: for a peer that takes nothing, the kernel would keep it for minutes.</summary>
    public void Reset()
    {
        if (IsOpen) Libc.SetResetOnClose(Fd);
        Close();
    }

    protected abstract void OnReadable();

    protected virtual void OnResumed()
    {
        if (Readable) OnReadable();
    }

    /// <summary>The kernel takes bytes again, or the connection is established.</summary>
    protected abstract void OnWritable();

    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            nint sent;
            fixed (byte* pointer = bytes) sent = Libc.Send(Fd, pointer, bytes.Length, Libc.NoSignal);
            if (sent >= 0)
            {
                BytesSent += sent;
                return (int)sent;
            }
            var error = Libc.LastError;
            if (error == Libc.ErrorInterrupted) continue;
            if (error == Libc.ErrorAgain) return 0;
            PeerClosed = true;
            return -1;
        }
    }
}
