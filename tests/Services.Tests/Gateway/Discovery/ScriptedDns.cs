using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using SkyRiff.Gateway.Discovery;

namespace SkyRiff.Services.Tests.Gateway.Discovery;

/// <summary>A DNS server on a free port that answers what a test says; records are written as text: <c>A 10 10.0.0.1</c>, <c>SRV 10 0 5 8080 host</c>, <c>CNAME 10 other</c>.</summary>
internal sealed class ScriptedDns : IAsyncDisposable
{
    private Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private TcpListener _tcp = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _serving;

    public ScriptedDns()
    {
        while (!TryBind())
        {
            // Somebody has the other protocol's port of that number.
        }
        _serving = Task.WhenAll(ServeDatagramsAsync(), ServeStreamsAsync());
    }

    public IPEndPoint EndPoint => (IPEndPoint)_udp.LocalEndPoint!;

    /// <summary>By "name type"; what is missing does not exist.</summary>
    public Dictionary<string, string[]> Records { get; } = [];

    public Dictionary<string, string[]> Additional { get; } = [];

    /// <summary>Answers that only TCP gives whole.</summary>
    public bool Truncates { get; set; }

    public bool IsSilent { get; set; }

    /// <summary>A code for everything instead of an answer.</summary>
    public int Code { get; set; }

    /// <summary>Sends another answer before the right one, as a forger would.</summary>
    public byte[]? Forged { get; set; }

    public int Asked { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _udp.Dispose();
        _tcp.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    /// <summary>The answer to a question, as bytes.</summary>
    public byte[] Answer(ReadOnlySpan<byte> question, bool isWhole)
    {
        var at = 12;
        var labels = new List<string>();
        while (question[at] != 0)
        {
            labels.Add(Encoding.ASCII.GetString(question.Slice(at + 1, question[at])));
            at += 1 + question[at];
        }
        var key = string.Join('.', labels) + " " + (DnsType)BinaryPrimitives.ReadUInt16BigEndian(question[(at + 1)..]) switch { DnsType.A => "A", DnsType.Aaaa => "AAAA", _ => "SRV" };
        var message = new List<byte>(question[..(at + 5)].ToArray()) { [2] = 0x81, [3] = 0x80 };
        var answers = Records.GetValueOrDefault(key, []);
        var additional = Additional.GetValueOrDefault(key, []);
        message[3] |= (byte)(Code != 0 ? Code : Records.ContainsKey(key) ? 0 : 3);
        if (!isWhole) message[2] |= 2;
        if (Code != 0 || !isWhole) return [.. message];
        (message[7], message[11]) = ((byte)answers.Length, (byte)additional.Length);
        foreach (var record in answers.Concat(additional)) Write(message, record);
        return [.. message];
    }

    private bool TryBind()
    {
        try
        {
            _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            _udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _tcp = new TcpListener(IPAddress.Loopback, EndPoint.Port);
            _tcp.Start();
            return true;
        }
        catch (SocketException)
        {
            _udp.Dispose();
            return false;
        }
    }

    private static void Write(List<byte> message, string text)
    {
        var words = text.Split(' ');
        var owner = words[0].Contains('.', StringComparison.Ordinal) ? words[0] : null;
        if (owner is not null) words = words[1..];
        if (owner is null) message.AddRange([0xC0, 12]); // a pointer to the question
        else message.AddRange(Name(owner));
        var type = words[0] switch { "A" => DnsType.A, "AAAA" => DnsType.Aaaa, "CNAME" => DnsType.Cname, _ => DnsType.Srv };
        byte[] data = type switch
        {
            DnsType.A or DnsType.Aaaa => IPAddress.Parse(words[2]).GetAddressBytes(),
            DnsType.Cname => Name(words[2]),
            _ => [.. Number(words[2]), .. Number(words[3]), .. Number(words[4]), .. Name(words[5])],
        };
        message.AddRange([.. Number(((int)type).ToString()), 0, 1, 0, 0, .. Number(words[1]), .. Number(data.Length.ToString()), .. data]);
    }

    private static byte[] Number(string text) => [(byte)(int.Parse(text) >> 8), (byte)int.Parse(text)];

    private static byte[] Name(string name) => [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.ASCII.GetBytes(l)]), 0];

    private async Task ServeDatagramsAsync()
    {
        var buffer = new byte[512];
        while (true)
        {
            var received = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stopping.Token);
            Asked++;
            if (IsSilent) continue;
            if (Forged is not null) await _udp.SendToAsync(Forged, received.RemoteEndPoint, _stopping.Token);
            await _udp.SendToAsync(Answer(buffer.AsSpan(0, received.ReceivedBytes), isWhole: !Truncates), received.RemoteEndPoint, _stopping.Token);
        }
    }

    private async Task ServeStreamsAsync()
    {
        while (true)
        {
            using var client = await _tcp.AcceptTcpClientAsync(_stopping.Token);
            var stream = client.GetStream();
            var size = new byte[2];
            await stream.ReadExactlyAsync(size, _stopping.Token);
            var question = new byte[BinaryPrimitives.ReadUInt16BigEndian(size)];
            await stream.ReadExactlyAsync(question, _stopping.Token);
            var answer = Answer(question, isWhole: true);
            BinaryPrimitives.WriteUInt16BigEndian(size, (ushort)answer.Length);
            await stream.WriteAsync((byte[])[.. size, .. answer], _stopping.Token);
        }
    }
}
