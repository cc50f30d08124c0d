using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace SkyRiff.Redis.Connections;

/// <summary>Bytes to and from one server: a socket (TCP or Unix), or TLS over it.</summary>
internal sealed class Transport : IDisposable
{
    private readonly Socket _socket;
    private readonly SslStream? _tls;

    private Transport(Socket socket, SslStream? tls) => (_socket, _tls) = (socket, tls);

    public static async Task<Transport> ConnectAsync(RedisEndpoint endpoint, SslClientAuthenticationOptions? tls, CancellationToken cancellation)
    {
        var socket = endpoint.IsUnixSocket
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (endpoint.IsUnixSocket)
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(endpoint.Host), cancellation);
            }
            else
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                await socket.ConnectAsync(endpoint.Host, endpoint.Port, cancellation);
            }

            if (tls is null)
                return new Transport(socket, null);

            var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
            await stream.AuthenticateAsClientAsync(ForHost(tls, endpoint.Host), cancellation);
            return new Transport(socket, stream);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) =>
        _tls is null ? _socket.ReceiveAsync(buffer, SocketFlags.None, CancellationToken.None) : _tls.ReadAsync(buffer, CancellationToken.None);

    /// <summary>Sends at least one byte; answers how many.</summary>
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes) =>
        _tls is null ? _socket.SendAsync(bytes, SocketFlags.None, CancellationToken.None) : SendTlsAsync(_tls, bytes);

    public async Task SendAllAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await SendAsync(bytes)..];
    }

    /// <summary>Ends a receive or send under way with an exception.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _tls?.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<int> SendTlsAsync(SslStream tls, ReadOnlyMemory<byte> bytes)
    {
        await tls.WriteAsync(bytes, CancellationToken.None);
        return bytes.Length;
    }

    private static SslClientAuthenticationOptions ForHost(SslClientAuthenticationOptions tls, string host) => new()
    {
        TargetHost = string.IsNullOrEmpty(tls.TargetHost) ? host : tls.TargetHost,
        ClientCertificates = tls.ClientCertificates,
        ClientCertificateContext = tls.ClientCertificateContext,
        LocalCertificateSelectionCallback = tls.LocalCertificateSelectionCallback,
        RemoteCertificateValidationCallback = tls.RemoteCertificateValidationCallback,
        CertificateChainPolicy = tls.CertificateChainPolicy,
        CertificateRevocationCheckMode = tls.CertificateRevocationCheckMode,
        EnabledSslProtocols = tls.EnabledSslProtocols,
        EncryptionPolicy = tls.EncryptionPolicy,
        CipherSuitesPolicy = tls.CipherSuitesPolicy,
    };
}
