using System.Buffers.Binary;

namespace SkyRiff.Gateway.Http1;

/// <summary>
/// The PROXY protocol, version 2 (HAProxy's specification, 2020): a binary header before the first request in which a load balancer tells the client's
/// address. Version 1, in text, is not read: where it begins and ends is a matter of opinion.
/// </summary>
internal static class ProxyProtocol
{
    private const int FixedBytes = 16;

    /// <summary>Addresses and extensions; more is refused.</summary>
    private const int BodyBytesMax = 2048;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>
    /// On completion <paramref name="length"/> bytes are the header, and <paramref name="address"/> is the client's, 4 or 16 bytes; empty when the balancer speaks for
    /// itself (a health check).
    /// </summary>
    public static ParseStatus Parse(ReadOnlySpan<byte> bytes, out int length, out ReadOnlySpan<byte> address)
    {
        length = 0;
        address = default;
        var common = bytes.CommonPrefixLength(Signature);
        if (common < Signature.Length) return common == bytes.Length ? ParseStatus.Incomplete : ParseStatus.Refused;
        if (bytes.Length < FixedBytes) return ParseStatus.Incomplete;
        var body = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        var (version, command) = (bytes[12] >> 4, bytes[12] & 15);
        if (version != 2 || command > 1 || body > BodyBytesMax) return ParseStatus.Refused;
        if (bytes.Length < FixedBytes + body) return ParseStatus.Incomplete;
        length = FixedBytes + body;
        if (command == 0) return ParseStatus.Complete;
        var (needed, size) = bytes[13] switch { 0x11 => (12, 4), 0x21 => (36, 16), _ => (0, 0) };
        if (size == 0) return bytes[13] == 0 ? ParseStatus.Complete : ParseStatus.Refused;
        if (body < needed) return ParseStatus.Refused;
        address = bytes.Slice(FixedBytes, size);
        return ParseStatus.Complete;
    }
}
