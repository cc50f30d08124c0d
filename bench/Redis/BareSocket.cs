using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.Bench.Redis;

/// <summary>The least that one caller alone can pay: one send and one awaited receive per GET, no parsing.</summary>
public static class BareSocket
{
    public static async Task<double> LatencyAsync(int port, int valueBytes, TimeSpan length, CancellationToken cancellation)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port, cancellation);
        var request = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"u8.ToArray();
        var replyBytes = Encoding.UTF8.GetByteCount($"${valueBytes}\r\n") + valueBytes + 2;
        var memory = new byte[1024];
        var operations = 0L;
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < length)
        {
            await socket.SendAsync(request, SocketFlags.None, cancellation);
            for (var received = 0; received < replyBytes;)
                received += await socket.ReceiveAsync(memory, SocketFlags.None, cancellation);
            operations++;
        }

        return Stopwatch.GetElapsedTime(started).TotalMicroseconds / operations;
    }
}
