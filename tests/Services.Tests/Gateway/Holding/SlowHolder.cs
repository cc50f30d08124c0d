using System.Net;
using System.Net.Sockets;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>
/// What the slow clients are aimed at to learn what they cost the machine when they are somebody else's: accepts, reads, never answers, and cuts as often as the gateway does.
/// A process of its own, as the gateway is.
/// </summary>
internal sealed class SlowHolder : IDisposable
{
    private const int TurnsPerSecond = 50;
    private const int HeadTurns = 10 * TurnsPerSecond;
    private const int ProgressTurns = 5 * TurnsPerSecond;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Held> _held = [];
    private readonly byte[] _scratch = new byte[4096];
    private long _turn;

    private SlowHolder()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(4096);
    }

    public static async Task<int> RunAsync()
    {
        using var holder = new SlowHolder();
        await Console.Out.WriteLineAsync($"at {holder._listener.LocalEndPoint}");
        var isOver = false;
        var parent = new Thread(() =>
        {
            while (Console.In.Read() >= 0) continue;
            Volatile.Write(ref isOver, true);
        })
        { IsBackground = true };
        parent.Start();
        using var turns = new PeriodicTimer(TimeSpan.FromSeconds(1) / TurnsPerSecond);
        while (await turns.WaitForNextTickAsync(CancellationToken.None) && !Volatile.Read(ref isOver)) holder.TakeTurn();
        return 0;
    }

    public void Dispose()
    {
        foreach (var held in _held) held.Socket.Dispose();
        _listener.Dispose();
    }

    private void TakeTurn()
    {
        while (_listener.Poll(0, SelectMode.SelectRead))
        {
            var socket = _listener.Accept();
            socket.Blocking = false;
            socket.LingerState = new LingerOption(true, 0);
            _held.Add(new Held(socket) { CutAt = long.MaxValue });
        }
        for (var i = _held.Count - 1 - (int)(_turn++ % TurnsPerSecond); i >= 0; i -= TurnsPerSecond)
        {
            var held = _held[i];
            var received = held.Socket.Receive(_scratch, SocketFlags.None, out var error);
            if (held.CutAt == long.MaxValue && received > 5) held.CutAt = _turn + (_scratch.AsSpan(0, 6).SequenceEqual("GET / "u8) ? HeadTurns : ProgressTurns);
            if ((received > 0 || error == SocketError.WouldBlock) && _turn < held.CutAt) continue;
            held.Socket.Dispose();
            _held[i] = _held[^1];
            _held.RemoveAt(_held.Count - 1);
        }
    }

    private sealed record Held(Socket Socket)
    {
        public long CutAt { get; set; }
    }
}
