using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>One request that an upstream got, with its whole body read away.</summary>
internal sealed record LoadCall(Socket Socket, string Method, string Path, long BodyBytes, CancellationToken Stopping)
{
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await Socket.SendAsync(bytes, Stopping)..];
    }

    /// <summary>Does nothing until the gateway gives up.</summary>
    public async ValueTask HangAsync()
    {
        var nothing = new byte[1];
        while (await Socket.ReceiveAsync(nothing, Stopping) > 0) continue;
    }

    /// <summary>Ends the connection with a reset instead of an end.</summary>
    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Close();
    }
}

/// <summary>An HTTP/1.1 server for thousands of connections that does what a campaign says: well, badly, or not at all.</summary>
internal sealed class LoadUpstream : IAsyncDisposable
{
    public static readonly byte[] Ok = Answer(200, new string('x', 1024));

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly Task _accepting;
    private long _calls;

    /// <param name="serve">Answers one call; false: the connection is not to be used again.</param>
    /// <param name="port">0: any.</param>
    /// <param name="sendBufferBytes">What its own kernel takes of an answer; 0: as much as it likes.</param>
    public LoadUpstream(Func<LoadCall, ValueTask<bool>> serve, int port = 0, int sendBufferBytes = 0)
    {
        Serve = serve;
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        if (sendBufferBytes > 0) _listener.SendBufferSize = sendBufferBytes;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _listener.Listen(4096);
        _accepting = AcceptAsync();
    }

    /// <summary>May be exchanged while it runs.</summary>
    public Func<LoadCall, ValueTask<bool>> Serve { get; set; }

    public IPEndPoint EndPoint { get; }

    public long Calls => Interlocked.Read(ref _calls);

    public int Connections => _connections.Count;

    public static byte[] Answer(int status, string body) => Encoding.Latin1.GetBytes($"HTTP/1.1 {status} Said\r\nContent-Length: {body.Length}\r\n\r\n{body}");

    public static LoadUpstream Answering(byte[] answer, int port = 0, int sendBufferBytes = 0) => new(
        async call =>
        {
            await call.SendAsync(answer);
            return true;
        },
        port,
        sendBufferBytes);

    /// <summary>What is open is cut, as when the process dies; the port refuses from now on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var socket in _connections.Keys) socket.Dispose();
        await Task.WhenAll(_connections.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var socket = await _listener.AcceptAsync(_stopping.Token);
            socket.NoDelay = true;
            var started = new TaskCompletionSource();
            _connections[socket] = ServeAsync(socket, started.Task);
            started.SetResult();
        }
    }

    private async Task ServeAsync(Socket socket, Task registered)
    {
        await registered;
        var buffer = new byte[8192];
        var (start, end) = (0, 0);
        try
        {
            while (true)
            {
                var length = buffer.AsSpan(start, end - start).IndexOf("\r\n\r\n"u8);
                if (length < 0)
                {
                    buffer.AsSpan(start, end - start).CopyTo(buffer);
                    (start, end) = (0, end - start);
                    var received = await socket.ReceiveAsync(buffer.AsMemory(end), _stopping.Token);
                    if (received == 0) return;
                    end += received;
                    continue;
                }
                var head = Encoding.Latin1.GetString(buffer, start, length + 2);
                start += length + 4;
                var body = Length(head);
                for (var left = body; left > 0;)
                {
                    if (start == end) (start, end) = (0, await socket.ReceiveAsync(buffer.AsMemory(), _stopping.Token));
                    if (start == end) return;
                    var taken = (int)Math.Min(left, end - start);
                    (start, left) = (start + taken, left - taken);
                }
                Interlocked.Increment(ref _calls);
                var line = head.Split(' ', 3);
                if (!await Serve(new LoadCall(socket, line[0], line[1], body, _stopping.Token))) return;
            }
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The gateway closed the connection, or the test is over.
        }
        finally
        {
            socket.Dispose();
            _connections.TryRemove(socket, out _);
        }
    }

    private static long Length(string head)
    {
        var at = head.IndexOf("\r\nContent-Length: ", StringComparison.OrdinalIgnoreCase);
        return at < 0 ? 0 : long.Parse(head.AsSpan(at + 18, head.IndexOf('\r', at + 18) - at - 18), CultureInfo.InvariantCulture);
    }
}
