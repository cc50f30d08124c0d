using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using SkyRiff.Testing;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>What clients saw: one entry per request.</summary>
internal sealed class LoadSeen
{
    private readonly ConcurrentQueue<(int Status, double Milliseconds, double At)> _answers = new();
    private readonly ConcurrentQueue<string> _broken = new();

    public int Count => _answers.Count + _broken.Count;

    public int Broken => _broken.Count;

    /// <summary>From the run's start to its last answer.</summary>
    public double Seconds => _answers.IsEmpty ? 0 : _answers.Max(a => a.At);

    public IEnumerable<string> WhyBroken => _broken.Distinct().Take(5);

    public void Answered(int status, double milliseconds, double at) => _answers.Enqueue((status, milliseconds, at));

    public void Failed(string why) => _broken.Enqueue(why);

    public int WithStatus(int status) => _answers.Count(a => a.Status == status);

    /// <summary>Answers with this status that came in a second of the run, counted from its start.</summary>
    public int WithStatus(int status, double from, double to) => _answers.Count(a => a.Status == status && a.At >= from && a.At < to);

    public int CountBetween(double from, double to) => _answers.Count(a => a.At >= from && a.At < to);

    public double Percentile(double share, int status = 200)
    {
        var sorted = _answers.Where(a => a.Status == status).Select(a => a.Milliseconds).Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
    }

    public override string ToString() =>
        $"{Count} requests: {string.Join(", ", _answers.GroupBy(a => a.Status).OrderBy(g => g.Key).Select(g => $"{g.Count()} x {g.Key}"))}, {Broken} broken ({string.Join("; ", WhyBroken)})";
}

/// <summary>
/// Clients that ask at a steady rate, whatever comes back: a late answer delays nobody else's question. What waits for its connection is counted from when
/// it was due.
/// </summary>
internal sealed class HonestLoad(int port, int connections, double perSecond)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public string Path { get; init; } = "/honest";

    public string Method { get; init; } = "GET";

    /// <summary>Fields, each with its line end, that each request carries.</summary>
    public string Fields { get; init; } = "";

    /// <summary>Each request comes by a connection of its own.</summary>
    public bool NewConnections { get; init; }

    /// <summary>Clients whose new connection is refused end instead of counting it: the gateway has stopped listening.</summary>
    public bool EndsWhenRefused { get; init; }

    /// <summary>Requests on each connection, and then it is over.</summary>
    public int TurnsMax { get; init; } = int.MaxValue;

    /// <summary>Asks until <paramref name="stop"/> says so; requests under way are waited for.</summary>
    public async Task<LoadSeen> RunAsync(CancellationToken stop)
    {
        var seen = new LoadSeen();
        await RunAsync(seen, stop);
        return seen;
    }

    /// <summary>The same, for those who look on.</summary>
    public async Task RunAsync(LoadSeen seen, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(i => Task.Run(() => AskAsync(seen, i, began, stop), CancellationToken.None)));
    }

    public async Task<LoadSeen> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(duration);
        return await RunAsync(stop.Token);
    }

    private async Task AskAsync(LoadSeen seen, int number, long began, CancellationToken stop)
    {
        var request = Encoding.Latin1.GetBytes($"{Method} {Path} HTTP/1.1\r\nHost: honest\r\n{Fields}{(NewConnections ? "Connection: close\r\n" : "")}\r\n");
        var buffer = new byte[16 * 1024];
        Socket? socket = null;
        for (var turn = 0L; turn < TurnsMax && !stop.IsCancellationRequested; turn++)
        {
            var due = ((turn * connections) + number) * 1000.0 / perSecond;
            var wait = due - Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            if (wait > 0.5) await Pace.KeepAsync(TimeSpan.FromMilliseconds(wait), stop);
            if (stop.IsCancellationRequested) break;
            var asked = wait > 0 ? Stopwatch.GetElapsedTime(began).TotalMilliseconds : due;
            try
            {
                using var limit = new CancellationTokenSource(Patience);
                try
                {
                    socket ??= await ConnectAsync(number, limit.Token);
                }
                catch (SocketException) when (EndsWhenRefused)
                {
                    return;
                }
                await socket.SendAsync(request, limit.Token);
                var (status, ends) = await ReadAsync(socket, buffer, limit.Token);
                var now = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                seen.Answered(status, now - asked, now / 1000);
                if (!ends) continue;
            }
            catch (Exception broken) when (broken is SocketException or OperationCanceledException or EndOfStreamException)
            {
                seen.Failed(broken is SocketException cause ? cause.SocketErrorCode.ToString() : broken.GetType().Name + " " + broken.Message);
            }
            socket?.Dispose();
            socket = null;
        }
        socket?.Dispose();
    }

    /// <summary>From several addresses, so that neither ports run out nor one client is all clients.</summary>
    private async Task<Socket> ConnectAsync(int number, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 2, (byte)(1 + (number % 8))]), 0));
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<(int Status, bool Ends)> ReadAsync(Socket socket, byte[] buffer, CancellationToken cancellationToken)
    {
        var end = 0;
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(end), cancellationToken);
            if (received == 0) throw new EndOfStreamException(end == 0 ? "before an answer" : "inside an answer");
            end += received;
            if (TryRead(buffer.AsSpan(0, end), out var status, out var whole, out var ends) && end >= whole) return (status, ends);
        }
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, out int status, out int whole, out bool ends)
    {
        (status, whole, ends) = (0, 0, false);
        var head = bytes.IndexOf("\r\n\r\n"u8);
        if (head < 0) return false;
        if (!Utf8Parser.TryParse(bytes.Slice(9, 3), out status, out _)) throw new EndOfStreamException("no status");
        var length = bytes[..head].IndexOf("Content-Length: "u8);
        if (length >= 0 && Utf8Parser.TryParse(bytes[(length + 16)..], out int body, out _)) whole = body;
        whole += head + 4;
        if (bytes[..head].IndexOf("Transfer-Encoding: chunked"u8) >= 0) whole = bytes.EndsWith("0\r\n\r\n"u8) ? bytes.Length : int.MaxValue;
        ends = bytes[..head].IndexOf("Connection: close"u8) >= 0;
        return true;
    }
}
