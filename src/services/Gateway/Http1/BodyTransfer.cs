namespace SkyRiff.Gateway.Http1;

/// <summary>
/// One body on its way through: it understands the framing it came in, and writes the framing it leaves in. Bytes that are not part of the
/// body are never taken.
/// </summary>
internal struct BodyTransfer
{
    /// <summary>What a read can grow by when every run of bytes gets a chunk of its own, and the last chunk without trailers.</summary>
    public const int FramingBytesMax = 64;

    private ChunkedDecoder _decoder;
    private bool _writesChunks;
    private long _bytesMax;

    public BodyKind Kind { get; private set; }

    public bool IsDone { get; private set; }

    /// <summary>Body bytes so far, without framing.</summary>
    public long Bytes { get; private set; }

    /// <summary>For <see cref="BodyKind.Length"/>: what is still to come.</summary>
    public long Remaining { get; private set; }

    public Refusal Refusal { get; private set; }

    /// <summary>Whether the bytes can be passed on as they are.</summary>
    public readonly bool IsVerbatim => !_writesChunks && Kind is BodyKind.Length or BodyKind.UntilClose;

    public void Begin(BodyKind kind, long length, bool writesChunks, long bytesMax, HeadLimits limits)
    {
        Kind = kind;
        Remaining = length;
        Bytes = 0;
        Refusal = Refusal.None;
        _writesChunks = writesChunks;
        _bytesMax = bytesMax;
        _decoder = kind == BodyKind.Chunked ? new ChunkedDecoder(limits) : default;
        IsDone = kind == BodyKind.None || (kind == BodyKind.Length && length == 0);
    }

    /// <summary>Takes body bytes from the input and writes them re-framed; false with a <see cref="Refusal"/>.</summary>
    public bool Move(ReadOnlySpan<byte> input, ref HeadWriter output, out int consumed)
    {
        consumed = 0;
        if (IsDone) return true;
        if (Kind != BodyKind.Chunked)
        {
            consumed = Take(input.Length);
            WriteRun(input[..consumed], ref output);
            return Refusal == Refusal.None;
        }
        while (consumed < input.Length && !IsDone)
        {
            var rest = input[consumed..];
            var step = _decoder.Next(rest, out var taken, out var dataStart, out var dataLength);
            consumed += taken;
            switch (step)
            {
                case ChunkStep.Data:
                    Bytes += dataLength;
                    if (Bytes > _bytesMax) return Refuse(Refusal.BodyTooLarge);
                    WriteRun(rest.Slice(dataStart, dataLength), ref output);
                    break;
                case ChunkStep.Complete:
                    IsDone = true;
                    WriteEnd(ref output, _decoder.Trailers);
                    break;
                case ChunkStep.Refused:
                    return Refuse(_decoder.Refusal);
            }
        }
        return true;
    }

    /// <summary>Counts bytes that are passed on as they are; returns how many of them belong to the body.</summary>
    public int Take(int available)
    {
        var taken = available;
        if (Kind == BodyKind.Length)
        {
            taken = (int)Math.Min(Remaining, available);
            Remaining -= taken;
            IsDone = Remaining == 0;
        }
        Bytes += taken;
        if (Bytes > _bytesMax) Refuse(Refusal.BodyTooLarge);
        return taken;
    }

    /// <summary>The connection ended: fine for a body that ends so, and for no other.</summary>
    public bool TryEnd(ref HeadWriter output)
    {
        if (Kind != BodyKind.UntilClose) return IsDone;
        IsDone = true;
        WriteEnd(ref output, null);
        return true;
    }

    private readonly void WriteRun(ReadOnlySpan<byte> run, ref HeadWriter output)
    {
        if (run.Length == 0) return;
        if (!_writesChunks)
        {
            output.Write(run);
            return;
        }
        output.WriteHex(run.Length);
        output.Write("\r\n"u8);
        output.Write(run);
        output.Write("\r\n"u8);
    }

    private readonly void WriteEnd(ref HeadWriter output, MessageHead? trailers)
    {
        if (!_writesChunks) return;
        output.Write("0\r\n"u8);
        if (trailers is not null) output.ForwardedFields(trailers, default);
        output.Write("\r\n"u8);
    }

    private bool Refuse(Refusal refusal)
    {
        Refusal = refusal;
        return false;
    }
}
