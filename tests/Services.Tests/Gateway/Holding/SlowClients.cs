using System.Net;
using System.Net.Sockets;
using System.Text;
using SkyRiff.Testing;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>
/// Slowloris in its three forms, in equal parts: a head that never ends, a body that comes byte by byte, an answer that is not read. Whoever is cut comes
/// again, so that always as many are there. Each sends a byte a second, and they take turns in it: all at one moment would be a flood, and keep the cores that clients
/// and gateway share here from whoever is measured.
/// </summary>
internal sealed class SlowClients : IAsyncDisposable
{
    private const int ReceiveBufferBytes = 4096;
    private const int TurnsPerBeat = 50;
    private static readonly byte[] Head = Encoding.Latin1.GetBytes("GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ");
    private static readonly byte[] Body = Encoding.Latin1.GetBytes("POST /slow HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000000\r\n\r\n");
    private static readonly byte[] Read = Encoding.Latin1.GetBytes("GET /large HTTP/1.1\r\nHost: slow\r\n\r\n");
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(1);

    private readonly Socket?[] _sockets;
    private readonly IPEndPoint _gateway;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _beating;
    private int _connected;
    private int _cut;

    public SlowClients(int port, int count)
    {
        _gateway = new IPEndPoint(IPAddress.Loopback, port);
        _sockets = new Socket?[count];
        _beating = Task.Run(BeatAsync, CancellationToken.None);
    }

    /// <summary>Connections that the gateway ended so far.</summary>
    public int Cut => Volatile.Read(ref _cut);

    public Task UntilThereAsync() => Eventually.TrueAsync(() => Volatile.Read(ref _connected) >= _sockets.Length, "the slow clients are connected", TimeSpan.FromSeconds(60));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _beating;
        foreach (var socket in _sockets) socket?.Dispose();
        _stopping.Dispose();
    }

    private async Task BeatAsync()
    {
        using var beat = new PeriodicTimer(Beat / TurnsPerBeat);
        var one = "a"u8.ToArray();
        var turn = 0;
        do
        {
            for (var i = turn++ % TurnsPerBeat; i < _sockets.Length && !_stopping.IsCancellationRequested; i += TurnsPerBeat)
            {
                if (_sockets[i] is not { } socket)
                {
                    Connect(i);
                    continue;
                }
                // A reader too sends: that it was cut shows only as a reset, since what it has not read comes before the end.
                if ((i % 3 < 2 && HasAnswer(socket)) || !TrySend(socket, one))
                {
                    _cut++;
                    socket.Dispose();
                    Connect(i);
                }
            }
        }
        while (await NextAsync(beat));
    }

    private async Task<bool> NextAsync(PeriodicTimer beat)
    {
        try
        {
            return await beat.WaitForNextTickAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Connect(int i)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = ReceiveBufferBytes };
        try
        {
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 3, (byte)(1 + (i % 16))]), 0));
            socket.Connect(_gateway);
            socket.Send((i % 3) switch { 0 => Head, 1 => Body, _ => Read });
            socket.Blocking = false;
            _sockets[i] = socket;
            Interlocked.Increment(ref _connected);
        }
        catch (SocketException)
        {
            socket.Dispose();
            _sockets[i] = null;
        }
    }

    private static bool TrySend(Socket socket, byte[] bytes)
    {
        socket.Send(bytes, SocketFlags.None, out var error);
        return error is SocketError.Success or SocketError.WouldBlock;
    }

    /// <summary>An answer before the request is whole, which is 408, or the end.</summary>
    private static bool HasAnswer(Socket socket)
    {
        Span<byte> one = stackalloc byte[1];
        socket.Receive(one, SocketFlags.Peek, out var error);
        return error is not SocketError.WouldBlock;
    }
}
