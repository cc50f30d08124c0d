using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>
/// Slowloris in its three forms, in equal parts: a head that never ends, a body that comes byte by byte, an answer that is not read. Each sends a byte a second, and they
/// take turns in it: all at one moment would be a flood. Whoever is cut comes again at its own turn, so that always as many are there and none comes twice within a second.
/// This is the attackers' process, see <see cref="AttackProcess"/>: one thread, and nothing allocated but the sockets.
/// </summary>
internal sealed class SlowClients
{
    private const int ReceiveBufferBytes = 4096;
    private const int TurnsPerSecond = 50;
    private const int ArrivalSeconds = 5;
    private const int TurnsPerTelling = 5;
    private static readonly byte[] Head = Encoding.Latin1.GetBytes("GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ");
    private static readonly byte[] Body = Encoding.Latin1.GetBytes("POST /slow HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000000\r\n\r\n");
    private static readonly byte[] Read = Encoding.Latin1.GetBytes("GET /large HTTP/1.1\r\nHost: slow\r\n\r\n");
    private static readonly byte[] One = "a"u8.ToArray();

    private readonly byte[] _peeked = new byte[1];
    private readonly Socket?[] _sockets;
    private readonly IPEndPoint _target;
    private long _turn;
    private int _connected;
    private int _cut;
    private int _failed;
    private long _sent;

    private SlowClients(int port, int count)
    {
        _target = new IPEndPoint(IPAddress.Loopback, port);
        _sockets = new Socket?[count];
    }

    /// <summary>
    /// Says where what the attackers ask for is served, takes orders ("port count") on the standard input until it ends, and tells how it goes ten times a second.
    /// </summary>
    public static async Task<int> RunAsync()
    {
        var large = LoadUpstream.Answer(200, new string('l', 1 << 20));
        // A slow body is never whole, so never answered. In life this upstream's kernel is another's; here what it holds would count as the gateway's.
        await using var upstream = LoadUpstream.Answering(large, sendBufferBytes: 16 * 1024);
        await Console.Out.WriteLineAsync($"at {upstream.EndPoint}");
        string? order = null;
        var isOver = false;
        var orders = new Thread(() =>
        {
            while (Console.In.ReadLine() is { } line) Volatile.Write(ref order, line);
            Volatile.Write(ref isOver, true);
        })
        { IsBackground = true };
        orders.Start();
        var clients = new SlowClients(0, 0);
        using var turns = new PeriodicTimer(TimeSpan.FromSeconds(1) / TurnsPerSecond);
        while (await turns.WaitForNextTickAsync(CancellationToken.None) && !Volatile.Read(ref isOver))
        {
            if (Interlocked.Exchange(ref order, null) is { } line)
            {
                clients.Leave();
                var words = line.Split(' ');
                clients = new SlowClients(int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture));
            }
            clients.TakeTurn();
            if (clients._turn % TurnsPerTelling == 0) await Console.Out.WriteLineAsync(clients.Tell());
        }
        clients.Leave();
        return 0;
    }

    private string Tell() => string.Create(CultureInfo.InvariantCulture, $"{_sockets.Length} {_connected} {_sent} {_cut} {_failed}");

    private void TakeTurn()
    {
        var arrived = Math.Min(_sockets.Length, (_turn + 1) * _sockets.Length / (ArrivalSeconds * TurnsPerSecond));
        for (var i = _turn++ % TurnsPerSecond; i < arrived; i += TurnsPerSecond)
        {
            if (_sockets[i] is { } socket)
            {
                // A reader too sends: that it was cut shows only as a reset, since what it has not read comes before the end.
                if ((i % 3 == 2 || !HasAnswer(socket)) && TrySend(socket)) continue;
                _cut++;
                _connected--;
                socket.Dispose();
                _sockets[i] = null;
            }
            Connect((int)i);
        }
    }

    private void Connect(int i)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = ReceiveBufferBytes };
        try
        {
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 3, (byte)(1 + (i % 16))]), 0));
            socket.Connect(_target);
            _sent += socket.Send((i % 3) switch { 0 => Head, 1 => Body, _ => Read });
            socket.Blocking = false;
            _sockets[i] = socket;
            _connected++;
        }
        catch (SocketException)
        {
            _failed++;
            socket.Dispose();
        }
    }

    private bool TrySend(Socket socket)
    {
        _sent += socket.Send(One, SocketFlags.None, out var error);
        return error is SocketError.Success or SocketError.WouldBlock;
    }

    /// <summary>An answer before the request is whole, which is 408, or the end.</summary>
    private bool HasAnswer(Socket socket)
    {
        socket.Receive(_peeked, SocketFlags.Peek, out var error);
        return error is not SocketError.WouldBlock;
    }

    private void Leave()
    {
        foreach (var socket in _sockets) socket?.Dispose();
    }
}
