using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>Response heads that live on: written down, copied, and read by the same strict core as everything else.</summary>
internal static class SealedHead
{
    /// <summary>What a head may grow to with what is added to it.</summary>
    public const int BytesMax = 24 * 1024;

    private static readonly HeadLimits OwnLimits = HeadLimits.Default with { HeadBytesMax = ushort.MaxValue, FieldCountMax = 254 };

    public static void Begin(ref HeadWriter writer, int status, ReadOnlySpan<byte> reason)
    {
        writer.Write("HTTP/1.1 "u8);
        writer.WriteDecimal(status);
        writer.Write((byte)' ');
        writer.Write(reason);
        writer.Write("\r\n"u8);
    }

    /// <summary>Ends the head and reads it; null when it did not fit. <paramref name="body"/> is how its body is framed.</summary>
    public static ResponseHead? End(ref HeadWriter writer, Span<byte> written, BodyKind body)
    {
        writer.Write("\r\n"u8);
        if (writer.Overflowed) return null;
        var bytes = written[..writer.Length].ToArray();
        var head = new ResponseHead(Math.Max(0, bytes.AsSpan().Count("\r\n"u8) - 2));
        if (ResponseParser.Parse(bytes, 0, bytes.Length, OwnLimits, head, toHead: true, upgradeAsked: false) != ParseStatus.Complete) return null;
        head.Body = body;
        return head;
    }
}
