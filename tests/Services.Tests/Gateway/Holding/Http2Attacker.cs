using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>A connection of raw HTTP/2 frames over TLS (RFC 9113 section 4.1), which keeps no rule that it is not told to keep.</summary>
internal sealed class Http2Attacker : IAsyncDisposable
{
    public const byte Data = 0, Headers = 1, Priority = 2, ResetStream = 3, Settings = 4, Ping = 6, WindowUpdate = 8, Continuation = 9;
    public const byte EndStream = 1, EndHeaders = 4;

    private const int HeaderBytes = 9;
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private readonly SslStream _stream;
    private readonly MemoryStream _batch = new();
    private int _nextStream = 1;

    private Http2Attacker(SslStream stream) => _stream = stream;

    /// <summary>Frames sent so far.</summary>
    public long Frames { get; private set; }

    public static async Task<Http2Attacker> ConnectAsync(int port, byte[] settings, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            },
            cancellationToken);
        var attacker = new Http2Attacker(stream);
        attacker._batch.Write(Preface);
        attacker.Frame(Settings, 0, 0, settings);
        await attacker.FlushAsync(cancellationToken);
        return attacker;
    }

    /// <summary>One entry of a SETTINGS frame.</summary>
    public static byte[] Setting(ushort id, uint value)
    {
        var bytes = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, id);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(2), value);
        return bytes;
    }

    public void Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        BinaryPrimitives.WriteInt32BigEndian(header, payload.Length << 8);
        (header[3], header[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(header[5..], stream);
        _batch.Write(header);
        _batch.Write(payload);
        Frames++;
    }

    /// <summary>A request's first frame; its stream.</summary>
    public int Request(string path, bool post = false, bool endStream = true, bool endHeaders = true)
    {
        var stream = _nextStream;
        _nextStream += 2;
        var fields = new MemoryStream();
        fields.WriteByte(post ? (byte)0x83 : (byte)0x82); // :method from the static table (RFC 7541 appendix A)
        fields.WriteByte(0x87); // :scheme https
        Literal(fields, 4, path);
        Literal(fields, 1, "localhost");
        Frame(Headers, (byte)((endStream ? EndStream : 0) | (endHeaders ? EndHeaders : 0)), stream, fields.ToArray());
        return stream;
    }

    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(_batch.GetBuffer().AsMemory(0, (int)_batch.Length), cancellationToken);
        _batch.SetLength(0);
    }

    /// <summary>Reads and forgets, until the end.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await _stream.ReadAsync(buffer, cancellationToken) > 0) continue;
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // the gateway has ended it
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await _batch.DisposeAsync();
    }

    /// <summary>A literal field without indexing, its name from the static table (RFC 7541 section 6.2.2).</summary>
    private static void Literal(MemoryStream fields, byte name, string value)
    {
        fields.WriteByte(name);
        fields.WriteByte((byte)value.Length);
        fields.Write(Encoding.ASCII.GetBytes(value));
    }
}
