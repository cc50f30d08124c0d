using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>A keep-alive connection to a target, read through the strict core.</summary>
internal sealed class Http1Upstream : IDisposable
{
    /// <summary>A head, and a read of a body.</summary>
    public const int BufferBytes = 32 * 1024;

    /// <summary>Buffers of retired connections that wait for a next one: 32 MB.</summary>
    private const int FreeBuffersMax = 1024;

    // Pinned: the collector would move thousands of them from one generation to the next while everybody waits.
    private static readonly Lock FreeGate = new();
    private static readonly Stack<byte[]> Free = new();

    private readonly Socket _socket;
    private int _start;
    private int _end;

    private Http1Upstream(Target target, Socket socket) => (Target, _socket) = (target, socket);

    public Target Target { get; }

    /// <summary>Served a request before: then an early end is a stale connection, not a fault.</summary>
    public bool WasUsed { get; set; }

    public long IdleSince { get; set; }

    public byte[] Buffer { get; } = Rent();

    public ReadOnlyMemory<byte> Unread => Buffer.AsMemory(_start, _end - _start);

    public static async Task<Http1Upstream> ConnectAsync(Target target, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var socket = new Socket(target.Address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            await socket.ConnectAsync(target.Address, limit.Token);
            if (target.Address is IPEndPoint) socket.NoDelay = true;
            return new(target, socket);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0) bytes = bytes[await _socket.SendAsync(bytes, cancellationToken)..];
    }

    /// <summary>Reads a head; what is behind it stays in <see cref="Unread"/>. Incomplete means that the connection ended before one.</summary>
    public async ValueTask<ParseStatus> ReadHeadAsync(ResponseHead head, HeadLimits limits, bool toHead, bool upgradeAsked, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_end > _start)
            {
                var status = ResponseParser.Parse(Buffer, _start, _end, limits, head, toHead, upgradeAsked);
                if (status == ParseStatus.Complete) _start += head.Length;
                if (status != ParseStatus.Incomplete) return status;
            }
            if (!await FillAsync(cancellationToken)) return ParseStatus.Incomplete;
        }
    }

    /// <summary>Receives more behind what is unread; false at the end.</summary>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            Buffer.AsSpan(_start, _end - _start).CopyTo(Buffer);
            _end -= _start;
            _start = 0;
        }
        if (_end == Buffer.Length) return false;
        var received = await _socket.ReceiveAsync(Buffer.AsMemory(_end), cancellationToken);
        _end += received;
        return received > 0;
    }

    /// <summary>Nothing more has arrived yet.</summary>
    public bool IsDrained => _start == _end && _socket.Available == 0;

    public void Consume(int bytes) => _start += bytes;

    /// <summary>Nothing has come that nobody asked for, and the peer has not closed.</summary>
    public bool IsQuiet() => _start == _end && !_socket.Poll(0, SelectMode.SelectRead);

    /// <summary>The end of the connection. Somebody may still be reading, and hears of it so.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>The end of the connection, once nobody is reading any more: the buffer is somebody else's from now on. Called once.</summary>
    public void Retire()
    {
        Dispose();
        lock (FreeGate)
        {
            if (Free.Count < FreeBuffersMax) Free.Push(Buffer);
        }
    }

    private static byte[] Rent()
    {
        lock (FreeGate)
        {
            if (Free.TryPop(out var buffer)) return buffer;
        }
        return GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true);
    }
}

/// <summary>Unused connections by target, last in first out.</summary>
internal sealed class Http1UpstreamPool(TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<int, ConcurrentStack<Http1Upstream>> _stacks = new();

    public Http1Upstream? TryTake(Target target, Cluster cluster)
    {
        if (!_stacks.TryGetValue(target.Index, out var stack)) return null;
        while (stack.TryPop(out var connection))
        {
            if (time.GetElapsedTime(connection.IdleSince) < cluster.Config.IdleTimeout && connection.IsQuiet()) return connection;
            connection.Dispose();
        }
        return null;
    }

    public void GiveBack(Http1Upstream connection, Cluster cluster)
    {
        var stack = _stacks.GetOrAdd(connection.Target.Index, _ => new());
        // Whether it stays quiet is asked when it is taken again.
        if (connection.Unread.Length > 0 || stack.Count >= cluster.Config.IdleConnectionsMax)
        {
            connection.Dispose();
            return;
        }
        connection.WasUsed = true;
        connection.IdleSince = time.GetTimestamp();
        stack.Push(connection);
    }

    /// <summary>Closes what has been unused too long, and everything of targets that are gone.</summary>
    public void Tidy(EdgeSnapshot snapshot)
    {
        var kept = snapshot.Clusters.Values.SelectMany(c => c.Targets.Select(t => (t.Index, c.Config.IdleTimeout))).ToDictionary(t => t.Index, t => t.IdleTimeout);
        foreach (var (index, stack) in _stacks)
        {
            if (!kept.TryGetValue(index, out var idle)) _stacks.TryRemove(index, out _);
            var connections = new List<Http1Upstream>();
            while (stack.TryPop(out var connection)) connections.Add(connection);
            connections.Reverse();
            foreach (var connection in connections)
            {
                if (idle > time.GetElapsedTime(connection.IdleSince)) stack.Push(connection);
                else connection.Dispose();
            }
        }
    }

    public void Dispose()
    {
        foreach (var stack in _stacks.Values)
        {
            while (stack.TryPop(out var connection)) connection.Dispose();
        }
    }
}
