using Microsoft.Win32.SafeHandles;

namespace SkyRiff.Objects.Disk;

/// <summary>A part of an open file as a forward-only stream; owns the handle.</summary>
internal sealed class RangeStream(SafeFileHandle file, long offset, long length) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer) => Advance(RandomAccess.Read(file, buffer[..Cut(buffer.Length)], offset + _position), buffer.Length);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Advance(await RandomAccess.ReadAsync(file, buffer[..Cut(buffer.Length)], offset + _position, cancellationToken), buffer.Length);

    public override void Flush()
    {
        // Nothing is ever buffered.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }

    private int Cut(int wanted) => (int)Math.Min(wanted, length - _position);

    /// <summary>A file that ends before its part does was damaged under us; ending the stream early would hand out half an object as whole.</summary>
    private int Advance(int count, int wanted)
    {
        if (count == 0 && wanted > 0 && _position < length) throw new ObjectStoreException(ObjectStoreFault.Io, "An object's file ended early.");
        _position += count;
        return count;
    }
}
