using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.Gateway.Lean;

/// <summary>An address in the kernel's form (sockaddr): IPv4, IPv6 or a Unix socket.</summary>
internal sealed class SocketAddress
{
    /// <summary>What sun_path holds, without the terminating zero.</summary>
    private const int UnixPathBytesMax = 107;

    private SocketAddress(int family, byte[] bytes) => (Family, Bytes) = (family, bytes);

    public int Family { get; }

    public byte[] Bytes { get; }

    public static SocketAddress Of(EndPoint endPoint) => endPoint switch
    {
        IPEndPoint { AddressFamily: AddressFamily.InterNetwork } ip => Inet(ip),
        IPEndPoint ip => Inet6(ip),
        UnixDomainSocketEndPoint unix => Unix(unix.ToString()!),
        _ => throw new ArgumentException($"Not an address that a socket connects to: {endPoint}", nameof(endPoint)),
    };

    /// <summary>The address bytes of a peer (4 or 16; mapped IPv4 as 4; none for a Unix socket) and its port.</summary>
    public static ReadOnlySpan<byte> AddressBytes(ReadOnlySpan<byte> sockaddr, out int port)
    {
        port = 0;
        var family = sockaddr.Length < 2 ? 0 : BitConverter.ToUInt16(sockaddr);
        if (family is not (Libc.FamilyInet or Libc.FamilyInet6)) return default;
        port = BinaryPrimitives.ReadUInt16BigEndian(sockaddr[2..]);
        if (family == Libc.FamilyInet) return sockaddr.Slice(4, 4);
        var address = sockaddr.Slice(8, 16);
        return IsMapped(address) ? address[12..] : address;
    }

    private static bool IsMapped(ReadOnlySpan<byte> address) =>
        !address[..10].ContainsAnyExcept((byte)0) && address[10] == 0xFF && address[11] == 0xFF;

    private static SocketAddress Inet(IPEndPoint ip)
    {
        var bytes = new byte[16];
        BitConverter.TryWriteBytes(bytes, (ushort)Libc.FamilyInet);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)ip.Port);
        ip.Address.TryWriteBytes(bytes.AsSpan(4), out _);
        return new(Libc.FamilyInet, bytes);
    }

    private static SocketAddress Inet6(IPEndPoint ip)
    {
        var bytes = new byte[28];
        BitConverter.TryWriteBytes(bytes, (ushort)Libc.FamilyInet6);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)ip.Port);
        ip.Address.TryWriteBytes(bytes.AsSpan(8), out _);
        BitConverter.TryWriteBytes(bytes.AsSpan(24), (uint)ip.Address.ScopeId);
        return new(Libc.FamilyInet6, bytes);
    }

    private static SocketAddress Unix(string path)
    {
        var encoded = Encoding.UTF8.GetBytes(path);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(encoded.Length, UnixPathBytesMax, nameof(path));
        var bytes = new byte[2 + encoded.Length + 1];
        BitConverter.TryWriteBytes(bytes, (ushort)Libc.FamilyUnix);
        encoded.CopyTo(bytes, 2);
        return new(Libc.FamilyUnix, bytes);
    }
}
