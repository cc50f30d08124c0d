using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace SkyRiff.Testing.Redis;

/// <summary>
/// A server that says exactly what a test tells it to: every accepted connection is a <see cref="Peer"/> to read commands from and write bytes to.
/// With <see cref="AutoHandshake"/> (the default) it answers HELLO and CLIENT by itself, as RESP3.
/// </summary>
public sealed class ScriptedRedis : IAsyncDisposable
{
    /// <summary>What a client should do and has not done by then, it will never do.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Channel<Peer> _accepted = Channel.CreateUnbounded<Peer>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    public ScriptedRedis()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(64);
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public bool AutoHandshake { get; init; } = true;

    /// <summary>The next connection a client made.</summary>
    public async Task<Peer> NextAsync(CancellationToken cancellation) => await _accepted.Reader.ReadAsync(cancellation).AsTask().WaitAsync(Patience, cancellation);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            var socket = await _listener.AcceptAsync(_stopping.Token);
            _accepted.Writer.TryWrite(new Peer(socket, AutoHandshake));
        }
    }

    public sealed class Peer(Socket socket, bool autoHandshake) : IDisposable
    {
        private readonly byte[] _buffer = new byte[1 << 20];
        private int _start;
        private int _end;

        /// <summary>The next command, its arguments joined by spaces.</summary>
        public async Task<string> CommandAsync(CancellationToken cancellation)
        {
            while (true)
            {
                var command = string.Join(' ', await ArgumentsAsync(cancellation));
                if (!autoHandshake)
                    return command;
                if (command.StartsWith("HELLO", StringComparison.Ordinal))
                    await SendAsync("%1\r\n$5\r\nproto\r\n:3\r\n", cancellation);
                else if (command.StartsWith("CLIENT SETNAME", StringComparison.Ordinal) || command.StartsWith("CLIENT TRACKING", StringComparison.Ordinal))
                    await SendAsync("+OK\r\n", cancellation);
                else
                    return command;
            }
        }

        /// <summary>Answers HELLO and CLIENT SETNAME, and returns when the first bytes of a command have come; the rest stays unread.</summary>
        public async Task BeginCommandAsync(CancellationToken cancellation)
        {
            await ArgumentsAsync(cancellation);
            await SendAsync("%1\r\n$5\r\nproto\r\n:3\r\n", cancellation);
            await ArgumentsAsync(cancellation);
            await SendAsync("+OK\r\n", cancellation);
            await LineAsync(cancellation);
        }

        public async Task SendAsync(string bytes, CancellationToken cancellation) => await SendAsync(Encoding.Latin1.GetBytes(bytes), cancellation);

        public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellation)..];
        }

        /// <summary>Says that nothing more comes, and leaves the client to close.</summary>
        public void CloseAfterSending() => socket.Shutdown(SocketShutdown.Send);

        /// <summary>Drops what still comes, until the client closes; .NET closes a socket with operations under way by a reset.</summary>
        public async Task ReadToEndAsync(CancellationToken cancellation)
        {
            try
            {
                while (await socket.ReceiveAsync(_buffer, SocketFlags.None, cancellation) > 0)
                {
                }
            }
            catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
            {
                // closed all the same
            }
        }

        /// <summary>Closes with a reset, as a crashed host would.</summary>
        public void Reset()
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
        }

        public void Dispose() => socket.Dispose();

        private async Task<List<string>> ArgumentsAsync(CancellationToken cancellation)
        {
            var count = int.Parse((await LineAsync(cancellation))[1..]);
            var arguments = new List<string>(count);
            for (var index = 0; index < count; index++)
            {
                var length = int.Parse((await LineAsync(cancellation))[1..]);
                while (_end - _start < length + 2)
                    await FillAsync(cancellation);
                arguments.Add(Encoding.Latin1.GetString(_buffer, _start, length));
                _start += length + 2;
            }

            return arguments;
        }

        private async Task<string> LineAsync(CancellationToken cancellation)
        {
            while (true)
            {
                var end = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8);
                if (end >= 0)
                {
                    var line = Encoding.Latin1.GetString(_buffer, _start, end);
                    _start += end + 2;
                    return line;
                }

                await FillAsync(cancellation);
            }
        }

        private async Task FillAsync(CancellationToken cancellation)
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            var count = await socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, cancellation).AsTask().WaitAsync(Patience, cancellation);
            if (count == 0)
                throw new EndOfStreamException("The client closed the connection.");
            _end += count;
        }
    }
}
