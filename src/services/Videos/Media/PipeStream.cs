namespace SkyRiff.Videos.Media;

/// <summary>The program we write to has gone; its exit code says why.</summary>
internal sealed class BrokenPipeException(IOException inner) : Exception("The program stopped reading.", inner);

/// <summary>A write-only view of a child's standard input that tells "the child ended" from every other failure of who writes.</summary>
internal sealed class PipeStream(Stream pipe) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
        // The pipe below is unbuffered.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            pipe.Write(buffer, offset, count);
        }
        catch (IOException broken)
        {
            throw new BrokenPipeException(broken);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await pipe.WriteAsync(buffer, cancellationToken);
            await pipe.FlushAsync(cancellationToken);
        }
        catch (IOException broken)
        {
            throw new BrokenPipeException(broken);
        }
    }
}
