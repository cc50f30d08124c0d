using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using SkyRiff.Kernel;

namespace SkyRiff.Gateway.Discovery;

/// <summary>Endpoints could not be found out this time; those from before stay.</summary>
internal sealed class DiscoveryException(string message) : Exception(message);

/// <summary>
/// Asks DNS servers by UDP, and by TCP what does not fit. The framework's own resolver knows neither SRV nor how long an answer is good for. Every question
/// has a new port and a new number, and only an answer from the asked server to that very question counts.
/// </summary>
internal sealed class DnsClient(IReadOnlyList<IPEndPoint> servers, TimeProvider time, Entropy entropy)
{
    private const string ResolverFile = "/etc/resolv.conf";
    private const int Rounds = 2;
    private const int ServersMax = 4;
    private static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(1.5);

    /// <summary>The system's servers.</summary>
    public static IReadOnlyList<IPEndPoint> SystemServers()
    {
        try
        {
            return ServersOf(File.ReadLines(ResolverFile));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    internal static IReadOnlyList<IPEndPoint> ServersOf(IEnumerable<string> lines) =>
        [.. lines.Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length >= 2 && words[0] == "nameserver" && IPAddress.TryParse(words[1], out _))
            .Select(words => new IPEndPoint(IPAddress.Parse(words[1]), 53)).Take(ServersMax)];

    /// <summary>The answer of the first server that has one; it may say that there is no such name.</summary>
    /// <exception cref="DiscoveryException">No server answered.</exception>
    public async Task<DnsReply> AskAsync(string name, DnsType type, CancellationToken cancellationToken)
    {
        var trouble = servers.Count == 0 ? "no server is known" : "";
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var server in servers)
            {
                try
                {
                    var reply = await TryAsync(server, name, type, cancellationToken);
                    if (reply.Code is 0 or 3) return reply;
                    trouble = $"{server} answered with code {reply.Code}";
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    trouble = $"{server} did not answer";
                }
                catch (SocketException broken)
                {
                    trouble = $"{server}: {broken.Message}";
                }
            }
        }
        throw new DiscoveryException($"{name} could not be resolved: {trouble}");
    }

    private async Task<DnsReply> TryAsync(IPEndPoint server, string name, DnsType type, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(TryTimeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var id = (ushort)entropy.Next(ushort.MaxValue + 1);
        var question = new byte[DnsMessage.QuestionBytesMax];
        var length = DnsMessage.WriteQuestion(question, id, name, type);
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, limit.Token); // what others send does not arrive
        await socket.SendAsync(question.AsMemory(0, length), limit.Token);
        var answer = new byte[4096];
        while (true)
        {
            var received = await socket.ReceiveAsync(answer, limit.Token);
            if (DnsMessage.TryRead(answer.AsSpan(0, received), id, name, type) is not { } reply) continue;
            return reply.IsTruncated ? await AskWholeAsync(server, question.AsMemory(0, length), id, name, type, limit.Token) : reply;
        }
    }

    private static async Task<DnsReply> AskWholeAsync(IPEndPoint server, ReadOnlyMemory<byte> question, ushort id, string name, DnsType type, CancellationToken cancellationToken)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, cancellationToken);
        await using var stream = new NetworkStream(socket);
        var message = new byte[2 + question.Length];
        BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)question.Length);
        question.CopyTo(message.AsMemory(2));
        await stream.WriteAsync(message, cancellationToken);
        var size = new byte[2];
        try
        {
            await stream.ReadExactlyAsync(size, cancellationToken);
            var answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(size)];
            await stream.ReadExactlyAsync(answer, cancellationToken);
            return DnsMessage.TryRead(answer, id, name, type) ?? throw new DiscoveryException($"{name}: {server} answered something else by TCP");
        }
        catch (IOException broken)
        {
            throw new DiscoveryException($"{name}: {server} broke off by TCP: {broken.Message}");
        }
    }
}
