using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>A request's body, kept while it passes so that a second target can get it too; one that is too large is given up, and goes to one target only.</summary>
internal sealed class KeptBody
{
    /// <summary>As much as the lean front holds of a request.</summary>
    private const int BytesMax = 16 * 1024;
    private const int ChunkFramingBytesMax = 32;

    private readonly MemoryStream _bytes = new();
    private readonly TaskCompletionSource<bool> _whole = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the body's last byte; false when it was not kept.</summary>
    public Task<bool> Whole => _whole.Task;

    public ReadOnlyMemory<byte> Bytes => _bytes.GetBuffer().AsMemory(0, (int)_bytes.Length);

    public void Add(ReadOnlySpan<byte> part)
    {
        if (_whole.Task.IsCompleted) return;
        if (_bytes.Length + part.Length <= BytesMax) _bytes.Write(part);
        else _whole.TrySetResult(false);
    }

    public void End() => _whole.TrySetResult(true);

    /// <summary>As HTTP/1.1 sends it behind the head.</summary>
    public ReadOnlyMemory<byte> Framed(BodyKind kind)
    {
        if (kind != BodyKind.Chunked) return Bytes;
        var bytes = new byte[Bytes.Length + ChunkFramingBytesMax];
        var writer = new HeadWriter(bytes);
        if (Bytes.Length > 0)
        {
            writer.WriteHex(Bytes.Length);
            writer.Write("\r\n"u8);
            writer.Write(Bytes.Span);
            writer.Write("\r\n"u8);
        }
        writer.Write("0\r\n\r\n"u8);
        return bytes.AsMemory(0, writer.Length);
    }
}
