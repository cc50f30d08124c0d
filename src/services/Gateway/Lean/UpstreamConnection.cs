using SkyRiff.Gateway.Decisions;

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// A connection to an endpoint: being established, in use by one exchange, or unused in its pool. Bytes or an end that come while it is unused
/// mean that it must not be used again.
/// </summary>
internal sealed class UpstreamConnection : Connection
{
    private bool _connecting = true;

    public UpstreamConnection(EventLoop loop, int fd, UpstreamPool pool)
        : base(loop, fd)
    {
        Pool = pool;
        loop.Counters.UpstreamsOpen++;
    }

    public UpstreamPool Pool { get; }

    public Target Target => Pool.Target;

    /// <summary>Who uses it now; null in the pool.</summary>
    public Exchange? Exchange { get; set; }

    public bool IsConnected => !_connecting;

    /// <summary>Served a request before: then an early end is a stale connection, not a fault.</summary>
    public bool WasUsed { get; set; }

    internal UpstreamConnection? Above { get; set; }

    internal UpstreamConnection? Below { get; set; }

    /// <summary>Sends now, or as soon as the connection is established.</summary>
    public bool SendOrKeep(ReadOnlySpan<byte> bytes)
    {
        if (!_connecting) return Send(bytes);
        Keep(bytes);
        return true;
    }

    public override void Close()
    {
        if (!IsOpen) return;
        Pool.Remove(this);
        Exchange = null;
        base.Close();
        Loop.Counters.UpstreamsOpen--;
    }

    public void EndWrites() => ShutdownWrite();

    protected override void OnReadable()
    {
        if (_connecting) return;
        if (Exchange is { IsRacing: true } racing) racing.OnRaceReadable(this);
        else if (Exchange is { } exchange) exchange.OnUpstreamReadable();
        else Close();
    }

    protected override void OnWritable()
    {
        if (_connecting)
        {
            var error = Libc.ConnectResult(Fd);
            if (error == Libc.ErrorInProgress) return;
            _connecting = false;
            if (error != 0)
            {
                if (Exchange is { IsRacing: true } racing) racing.OnRaceLost(this);
                else Exchange?.OnConnectFailed();
                return;
            }
            if (Exchange is not { IsRacing: true }) Exchange?.OnConnected();
            if (!IsOpen || Exchange is null) return;
        }
        if (!HasPending) return;
        if (Exchange is { IsRacing: true } both)
        {
            if (!Flush()) both.OnRaceLost(this);
            return;
        }
        if (!Flush()) Exchange?.OnUpstreamWriteFailed();
        else if (!HasPending) Exchange?.OnUpstreamFlushed();
    }

    protected internal override void OnDeadline()
    {
        if (Exchange is null) Close();
    }
}

/// <summary>The unused connections to one endpoint, last in first out: the warmest is used, the coldest time out.</summary>
internal sealed class UpstreamPool(EventLoop loop, Target target)
{
    private UpstreamConnection? _top;
    private int _count;
    private SocketAddress? _address;

    public Target Target { get; } = target;

    public UpstreamConnection? TryTake()
    {
        var connection = _top;
        if (connection is null) return null;
        Remove(connection);
        loop.Timers.Set(connection, 0);
        loop.Counters.UpstreamsReused++;
        return connection;
    }

    /// <summary>Begins a new connection; null when the system has none to give.</summary>
    public unsafe UpstreamConnection? Connect()
    {
        var address = _address ??= SocketAddress.Of(Target.Address);
        var fd = Libc.Socket(address.Family, Libc.StreamNonBlockingCloseOnExec, 0);
        if (fd < 0) return null;
        if (address.Family != Libc.FamilyUnix) Libc.SetNoDelay(fd);
        int result;
        fixed (byte* pointer = address.Bytes) result = Libc.Connect(fd, pointer, address.Bytes.Length);
        if (result != 0 && Libc.LastError != Libc.ErrorInProgress)
        {
            _ = Libc.Close(fd);
            return null;
        }
        var connection = new UpstreamConnection(loop, fd, this);
        loop.Register(connection, Libc.EpollIn | Libc.EpollOut | Libc.EpollRdHup);
        loop.Counters.UpstreamsConnected++;
        return connection;
    }

    public void GiveBack(UpstreamConnection connection, Cluster cluster)
    {
        connection.Exchange = null;
        connection.WasUsed = true;
        if (_count >= cluster.Config.IdleConnectionsMax || connection.PeerClosed || loop.Draining)
        {
            connection.Close();
            return;
        }
        connection.Above = null;
        connection.Below = _top;
        if (_top is not null) _top.Above = connection;
        _top = connection;
        _count++;
        loop.Timers.Set(connection, loop.Now + (long)cluster.Config.IdleTimeout.TotalMilliseconds);
    }

    /// <summary>Takes an unused connection off the stack; nothing for one that is in use.</summary>
    public void Remove(UpstreamConnection connection)
    {
        if (connection.Above is not null) connection.Above.Below = connection.Below;
        else if (_top == connection) _top = connection.Below;
        else return;
        if (connection.Below is not null) connection.Below.Above = connection.Above;
        connection.Above = connection.Below = null;
        _count--;
    }

    public void CloseAll()
    {
        while (_top is not null) _top.Close();
    }
}

/// <summary>One loop's pools, by the endpoint's index.</summary>
internal sealed class UpstreamPools(EventLoop loop)
{
    private UpstreamPool?[] _pools = new UpstreamPool?[16];

    public UpstreamPool Of(Target target)
    {
        if (target.Index >= _pools.Length) Array.Resize(ref _pools, Math.Max(target.Index + 1, _pools.Length * 2));
        return _pools[target.Index] ??= new UpstreamPool(loop, target);
    }

    /// <summary>After a reload: endpoints that are gone keep no connections.</summary>
    public void Keep(IReadOnlySet<int> endpoints)
    {
        for (var i = 0; i < _pools.Length; i++)
        {
            if (_pools[i] is not { } pool || endpoints.Contains(i)) continue;
            pool.CloseAll();
            _pools[i] = null;
        }
    }
}
