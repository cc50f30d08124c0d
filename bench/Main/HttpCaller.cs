using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.Bench.Main;

/// <summary>One keep-alive connection that sends prepared bytes and reads whole replies: a load generator that costs next to nothing beside what it measures.</summary>
internal sealed class HttpCaller(int port) : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];

    public ValueTask ConnectAsync(CancellationToken cancellationToken) => _socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);

    /// <summary>Answers the reply's status and body.</summary>
    public async Task<(int Status, ReadOnlyMemory<byte> Body)> SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        await _socket.SendAsync(request, cancellationToken);
        var length = 0;
        while (true)
        {
            var count = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken);
            if (count == 0) throw new IOException("The server closed the connection.");
            length += count;
            var end = _buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end < 0) continue;
            var head = _buffer.AsSpan(0, end);
            var body = ContentLength(head);
            if (length < end + 4 + body) continue;
            return (int.Parse(Encoding.ASCII.GetString(head.Slice(9, 3))), _buffer.AsMemory(end + 4, body));
        }
    }

    public static byte[] Request(string method, string path, string? token, string? key, string body) => Encoding.UTF8.GetBytes(
        $"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{(token is null ? "" : $"Authorization: Bearer {token}\r\n")}{(key is null ? "" : $"Idempotency-Key: {key}\r\n")}Content-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");

    public void Dispose() => _socket.Dispose();

    private static int ContentLength(ReadOnlySpan<byte> head)
    {
        var at = head.IndexOf("Content-Length: "u8);
        if (at < 0) return 0;
        var digits = head[(at + 16)..];
        var end = digits.IndexOf((byte)'\r');
        return int.Parse(Encoding.ASCII.GetString(end < 0 ? digits : digits[..end]));
    }
}
