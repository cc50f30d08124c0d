using System.Buffers;
using System.IO.Compression;

namespace SkyRiff.Gateway.Compression;

/// <summary>
/// Compresses one body piece by piece. What it holds back is bounded: the coder's window, and at most <see cref="HeldBytesMax"/> of input until it is flushed, so that what
/// comes out of one step is bounded too.
/// </summary>
internal sealed class BodyEncoder : IDisposable
{
    /// <summary>Input after which the coder gives out what it has.</summary>
    public const int HeldBytesMax = 48 * 1024;

    /// <summary>256 KB: a window that costs little memory, and loses little on pages and documents.</summary>
    private const int BrotliWindowBits = 18;

    private readonly Compressor _owner;
    private readonly Output _output = new();
    private readonly GZipStream? _gzip;
    private BrotliEncoder _brotli;
    private long _heldBytes;
    private bool _isDisposed;

    private BodyEncoder(Compressor owner, Coding coding)
    {
        _owner = owner;
        if (coding == Coding.Brotli) _brotli = new BrotliEncoder(owner.Config.BrotliQuality, BrotliWindowBits);
        else _gzip = new GZipStream(_output, new ZLibCompressionOptions { CompressionLevel = owner.Config.GzipLevel }, leaveOpen: true);
    }

    /// <summary>Null when as many responses are being compressed as may.</summary>
    public static BodyEncoder? TryBegin(Compressor owner, Coding coding) => owner.TryEnter() ? new BodyEncoder(owner, coding) : null;

    /// <summary>What leaves for this piece, valid until the next; it may be nothing. <paramref name="flush"/>: a reader waits for all so far.</summary>
    public ReadOnlySpan<byte> Encode(ReadOnlySpan<byte> piece, bool flush, bool isLast)
    {
        _output.Clear();
        _heldBytes += piece.Length;
        flush |= _heldBytes >= HeldBytesMax;
        if (_gzip is not null) EncodeGzip(piece, flush, isLast);
        else EncodeBrotli(piece, flush, isLast);
        if (flush) _heldBytes = 0;
        return _output.Written;
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _brotli.Dispose();
        _gzip?.Dispose();
        _output.Dispose();
        _owner.Leave();
    }

    private void EncodeGzip(ReadOnlySpan<byte> piece, bool flush, bool isLast)
    {
        _gzip!.Write(piece);
        if (isLast) _gzip.Dispose();
        else if (flush) _gzip.Flush();
    }

    private void EncodeBrotli(ReadOnlySpan<byte> piece, bool flush, bool isLast)
    {
        OperationStatus status;
        do
        {
            status = _brotli.Compress(piece, _output.Room(), out var consumed, out var written, isLast);
            _output.Advance(written);
            piece = piece[consumed..];
        }
        while (status == OperationStatus.DestinationTooSmall || piece.Length > 0);
        if (isLast || !flush) return;
        do
        {
            status = _brotli.Flush(_output.Room(), out var written);
            _output.Advance(written);
        }
        while (status == OperationStatus.DestinationTooSmall);
    }

    /// <summary>Where both coders write: one array that is used again for each piece.</summary>
    private sealed class Output : Stream
    {
        private const int RoomBytes = 8 * 1024;

        private byte[] _bytes = ArrayPool<byte>.Shared.Rent(2 * RoomBytes);
        private int _length;

        public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position
        {
            get => _length;
            set => throw new NotSupportedException();
        }

        public void Clear() => _length = 0;

        public Span<byte> Room()
        {
            Grow(RoomBytes);
            return _bytes.AsSpan(_length);
        }

        public void Advance(int count) => _length += count;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Grow(buffer.Length);
            buffer.CopyTo(_bytes.AsSpan(_length));
            _length += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing && _bytes.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_bytes);
                _bytes = [];
            }
            base.Dispose(disposing);
        }

        private void Grow(int more)
        {
            if (_bytes.Length - _length >= more) return;
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + more, _bytes.Length * 2));
            Written.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
    }
}
