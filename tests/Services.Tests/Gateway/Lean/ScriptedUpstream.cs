using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>A server that does exactly what a test says, byte for byte, on every connection.</summary>
internal sealed class ScriptedUpstream : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<Wire, int, Task> _serve;
    private readonly ConcurrentBag<Wire> _connections = [];
    private readonly Task _accepting;
    private int _accepted;

    /// <param name="serve">Gets each connection with its number, from 1.</param>
    public ScriptedUpstream(Func<Wire, int, Task> serve)
    {
        _serve = serve;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Answers every request on a connection with the same bytes.</summary>
    public static ScriptedUpstream Answering(string response) => new(async (wire, _) =>
    {
        while (await wire.ReadHeadAsync() is { } head)
        {
            await wire.ReadBodyAsync(head);
            await wire.WriteAsync(response);
        }
    });

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        foreach (var wire in _connections) wire.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        while (!_stopping.IsCancellationRequested)
        {
            var wire = new Wire(await _listener.AcceptSocketAsync(_stopping.Token));
            _connections.Add(wire);
            serving.Add(ServeAsync(wire, Interlocked.Increment(ref _accepted)));
        }
        await Task.WhenAll(serving);
    }

    private async Task ServeAsync(Wire wire, int number)
    {
        using (wire)
        {
            await Task.Yield();
            await _serve(wire, number).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

/// <summary>One side of a TCP connection, in bytes and with a time limit on every wait.</summary>
internal sealed class Wire(Socket socket) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static CancellationToken Patient => TestContext.Current.CancellationToken;

    private readonly byte[] _buffer = new byte[256 * 1024];
    private int _start;
    private int _end;

    public Socket Socket { get; } = socket;

    public static async Task<Wire> ConnectAsync(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endPoint, Patient).AsTask().WaitAsync(Patience, Patient);
        return new Wire(socket);
    }

    public Task WriteAsync(string text) => WriteAsync(Encoding.Latin1.GetBytes(text));

    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await Socket.SendAsync(bytes, Patient).AsTask().WaitAsync(Patience, Patient)..];
    }

    /// <summary>The head with its empty line, or null when the peer closed before one.</summary>
    public async Task<string?> ReadHeadAsync()
    {
        while (true)
        {
            var at = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n\r\n"u8);
            if (at >= 0) return Take(at + 4);
            if (!await ReceiveAsync()) return null;
        }
    }

    public async Task<string> ReadAsync(int count)
    {
        var text = new StringBuilder();
        while (true)
        {
            text.Append(Take(Math.Min(count - text.Length, _end - _start)));
            if (text.Length == count) return text.ToString();
            if (!await ReceiveAsync()) throw new EndOfStreamException($"Ended after {text.Length} of {count} bytes.");
        }
    }

    public async Task<string> ReadUntilAsync(string end)
    {
        var marker = Encoding.Latin1.GetBytes(end);
        while (true)
        {
            var at = _buffer.AsSpan(_start, _end - _start).IndexOf(marker);
            if (at >= 0) return Take(at + marker.Length);
            if (!await ReceiveAsync()) throw new EndOfStreamException($"Ended before {end}.");
        }
    }

    /// <summary>The body that a head announces; raw, so with chunk framing.</summary>
    public async Task<string> ReadBodyAsync(string head)
    {
        var length = Header(head, "Content-Length");
        if (length is not null) return await ReadAsync(int.Parse(length));
        return Header(head, "Transfer-Encoding") is null ? "" : await ReadUntilAsync("0\r\n\r\n");
    }

    public async Task<(string Head, string Body)> ReadResponseAsync()
    {
        var head = await ReadHeadAsync() ?? throw new EndOfStreamException("No response.");
        return (head, await ReadBodyAsync(head));
    }

    /// <summary>What comes until the peer closes; a reset counts as closing.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var text = new StringBuilder();
        do text.Append(Take(_end - _start));
        while (await ReceiveAsync());
        return text.ToString();
    }

    public static string? Header(string head, string name) =>
        head.Split("\r\n").Where(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 2)..]).FirstOrDefault();

    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Close();
    }

    public void Dispose() => Socket.Dispose();

    private string Take(int count)
    {
        var text = Encoding.Latin1.GetString(_buffer, _start, count);
        _start += count;
        return text;
    }

    private async Task<bool> ReceiveAsync()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        try
        {
            var received = await Socket.ReceiveAsync(_buffer.AsMemory(_end), Patient).AsTask().WaitAsync(Patience, Patient);
            _end += received;
            return received > 0;
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}
