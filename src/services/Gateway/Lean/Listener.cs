using SkyRiff.Gateway.Decisions;

namespace SkyRiff.Gateway.Lean;

/// <summary>A loop's own listening socket; the kernel spreads connections over the loops (SO_REUSEPORT).</summary>
internal sealed unsafe class Listener : Connection
{
    /// <summary>Accepted per event, so that a flood of connections does not starve those that are open. Level-triggered: the rest comes again.</summary>
    private const int AcceptsPerEvent = 64;

    private bool _full;

    private Listener(EventLoop loop, int fd)
        : base(loop, fd)
    {
    }

    public int Port { get; private init; }

    public static Listener Open(EventLoop loop, SocketAddress address, LeanOptions options)
    {
        var fd = Libc.Socket(address.Family, Libc.StreamNonBlockingCloseOnExec, 0);
        if (fd < 0) throw new IOException($"No socket to listen with: errno {Libc.LastError}.");
        Libc.SetReuse(fd);
        Libc.SetNoDelay(fd); // accepted sockets inherit both, which saves calls for each
        Libc.SetUnsentMax(fd, LeanOptions.UnsentBytesMax);
        if (address.Family == Libc.FamilyInet6) Libc.SetDualStack(fd);
        var bound = 0;
        fixed (byte* pointer = address.Bytes) bound = Libc.Bind(fd, pointer, address.Bytes.Length);
        if (bound != 0 || Libc.Listen(fd, options.Backlog) != 0)
        {
            var error = Libc.LastError;
            _ = Libc.Close(fd);
            throw new IOException($"Cannot listen on {options.Listen}: errno {error}.");
        }
        Span<byte> name = stackalloc byte[28];
        var length = name.Length;
        fixed (byte* pointer = name) _ = Libc.GetSocketName(fd, pointer, &length);
        SocketAddress.AddressBytes(name[..length], out var port);
        var listener = new Listener(loop, fd) { Port = port };
        loop.Register(listener, Libc.EpollIn, edgeTriggered: false);
        return listener;
    }

    /// <summary>A connection was closed: there is room again.</summary>
    public void Resume()
    {
        if (!_full || !IsOpen) return;
        _full = false;
        Loop.Rewatch(this, Libc.EpollIn);
    }

    /// <summary>Takes what is queued before closing, since the kernel resets what is left.</summary>
    public override void Close()
    {
        if (IsOpen) Libc.SetDeaf(Fd);
        if (IsOpen && !_full) Accept(int.MaxValue);
        base.Close();
    }

    protected override void OnReadable() => Accept(AcceptsPerEvent);

    private void Accept(int most)
    {
        Span<byte> address = stackalloc byte[28];
        for (var i = 0; i < most; i++)
        {
            if (Loop.Counters.ClientsOpen >= Loop.Options.ConnectionsPerLoopMax)
            {
                Pause();
                return;
            }
            var length = address.Length;
            int fd;
            fixed (byte* pointer = address) fd = Libc.Accept(Fd, pointer, &length, Libc.NonBlockingCloseOnExec);
            if (fd < 0)
            {
                // Out of descriptors: wait for one to be closed, instead of spinning on an event that stays.
                if (Libc.LastError is Libc.ErrorTooManyFiles or Libc.ErrorTooManyFilesInSystem) Pause();
                return;
            }
            var peer = PeerAddress.Of(SocketAddress.AddressBytes(address[..Math.Min(length, address.Length)], out _));
            var client = new ClientConnection(Loop, fd, peer);
            Loop.Register(client, Libc.EpollIn | Libc.EpollOut | Libc.EpollRdHup);
        }
    }

    protected override void OnWritable()
    {
    }

    protected internal override void OnDeadline() => Resume();

    private void Pause()
    {
        if (_full) return;
        _full = true;
        Loop.Rewatch(this, 0);
        Loop.Timers.Set(this, Loop.Now + 1000);
    }
}
