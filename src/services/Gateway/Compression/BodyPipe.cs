using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;

namespace SkyRiff.Gateway.Compression;

/// <summary>
/// What happens to a body on its way when it does not just pass: it is kept for the cache, compressed, and the compressed form kept too. A client that was told that its
/// own copy is good gets none of it.
/// </summary>
internal sealed class BodyPipe(BodyCapture? capture, BodyEncoder? encoder, BodyCapture? encodedCapture, bool isMuted = false) : IDisposable
{
    /// <summary>A piece that is compressed at once; larger ones would make others wait.</summary>
    public const int PieceBytes = 16 * 1024;

    public BodyCapture? Capture { get; } = capture;

    public BodyCapture? EncodedCapture { get; } = encodedCapture;

    public bool IsEncoding => encoder is not null;

    public bool IsMuted { get; } = isMuted;

    /// <summary>What leaves to the client for this piece of the body, without framing; valid until the next.</summary>
    public ReadOnlySpan<byte> Pass(ReadOnlySpan<byte> piece, bool flush, bool isLast)
    {
        Capture?.Append(piece);
        if (encoder is not null)
        {
            piece = encoder.Encode(piece, flush, isLast);
            EncodedCapture?.Append(piece);
        }
        return IsMuted ? default : piece;
    }

    /// <summary>Writes a piece as a chunk, and the end of the body behind the last.</summary>
    public static void WriteChunk(ref HeadWriter writer, ReadOnlySpan<byte> bytes, bool isLast)
    {
        if (bytes.Length > 0)
        {
            writer.WriteHex(bytes.Length);
            writer.Write("\r\n"u8);
            writer.Write(bytes);
            writer.Write("\r\n"u8);
        }
        if (isLast) writer.Write("0\r\n\r\n"u8);
    }

    /// <summary>The encoder's memory and place are given back; the captures are given up, unless their bodies were taken.</summary>
    public void Dispose()
    {
        encoder?.Dispose();
        EncodedCapture?.GiveUp();
    }
}
