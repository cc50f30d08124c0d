using System.Threading.Channels;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>
/// The pictures of a clip in their order, painted ahead by several threads from the moment the line is made. Painters take frame numbers in turn; buffers go round, so a clip's length costs
/// no memory. One reader; disposing stops the painters and waits for them.
/// </summary>
internal sealed class PictureLine : IAsyncDisposable
{
    /// <summary>Pictures painted ahead of who takes them: what is painted while the encoder starts need not be painted later. When it is full, painters wait.</summary>
    private const int BytesAheadMax = 16 << 20;

    private readonly StudioPainter _painter;
    private readonly CancellationTokenSource _stop;
    private readonly Channel<Frame> _frames = Channel.CreateUnbounded<Frame>(); // the painters' canvases, never more than there are painters
    private readonly Stack<byte[]> _spare = new();
    private readonly Queue<Task<byte[]>> _painting = new();
    private readonly int _ahead;
    private int _next;

    public PictureLine(StudioPainter painter, int painters, CancellationToken token)
    {
        (_painter, _stop) = (painter, CancellationTokenSource.CreateLinkedTokenSource(token));
        _ahead = Math.Max(painters * 2, BytesAheadMax / painter.PictureLength);
        for (var i = 0; i < Math.Min(painters, painter.FrameCount); i++) _frames.Writer.TryWrite(new Frame(painter.Width, painter.Height));
        Refill();
    }

    /// <summary>The next picture; to be given back when it is no longer needed.</summary>
    public Task<byte[]> TakeAsync() => _painting.Dequeue();

    public void GiveBack(byte[] picture)
    {
        _spare.Push(picture);
        Refill();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await ((Task)Task.WhenAll(_painting)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private void Refill()
    {
        for (; _next < _painter.FrameCount && _painting.Count < _ahead; _next++)
        {
            var (index, picture) = (_next, _spare.TryPop(out var used) ? used : new byte[_painter.PictureLength]);
            _painting.Enqueue(Task.Run(() => PaintAsync(index, picture, _stop.Token), _stop.Token));
        }
    }

    private async Task<byte[]> PaintAsync(int index, byte[] picture, CancellationToken token)
    {
        var frame = await _frames.Reader.ReadAsync(token);
        try
        {
            _painter.Paint(index, frame, picture);
            return picture;
        }
        finally
        {
            await _frames.Writer.WriteAsync(frame, CancellationToken.None);
        }
    }
}
