using System.Threading.Channels;

namespace SkyRiff.Redis;

/// <summary>What an event of client tracking means for local copies.</summary>
public enum InvalidationKind
{
    /// <summary>The key was written, removed or expired.</summary>
    Key,

    /// <summary>Everything was: FLUSHALL or FLUSHDB.</summary>
    All,

    /// <summary>A tracking connection broke, or this reader fell behind: from here on invalidations may have been missed. Distrust every local copy.</summary>
    Lost,

    /// <summary>Tracking works again; what is read from the server after this is watched.</summary>
    Restored,
}

/// <summary>One event of client tracking; <see cref="Key"/> is empty unless the kind is <see cref="InvalidationKind.Key"/>.</summary>
public readonly record struct Invalidation(InvalidationKind Kind, ReadOnlyMemory<byte> Key);

/// <summary>
/// Is called on the connection's reader, in stream order and before any reply that the server sent later: must be quick and must not throw or block.
/// Calls for different connections can overlap.
/// </summary>
public interface IInvalidationHandler
{
    /// <summary>The span is only valid during the call.</summary>
    void OnKey(ReadOnlySpan<byte> key);

    /// <summary>Any kind but <see cref="InvalidationKind.Key"/>.</summary>
    void OnAll(InvalidationKind kind);
}

/// <summary>
/// Invalidations as an asynchronous stream, for readers that can afford a queue of <paramref name="capacity"/> (at least 2). When it is full, its
/// content is replaced by <see cref="InvalidationKind.Lost"/>, followed by <see cref="InvalidationKind.Restored"/> when tracking itself works.
/// </summary>
public sealed class InvalidationStream(int capacity) : IInvalidationHandler
{
    private readonly Channel<Invalidation> _queue = Channel.CreateBounded<Invalidation>(Math.Max(2, capacity));
    private readonly Lock _lock = new();
    private bool _isLive;

    /// <summary>Queues the key.</summary>
    public void OnKey(ReadOnlySpan<byte> key) => Write(new Invalidation(InvalidationKind.Key, key.ToArray()));

    /// <summary>Queues the event.</summary>
    public void OnAll(InvalidationKind kind) => Write(new Invalidation(kind, default));

    /// <summary>For one reader; ends with the token.</summary>
    public IAsyncEnumerable<Invalidation> ReadAllAsync(CancellationToken cancellation) => _queue.Reader.ReadAllAsync(cancellation);

    private void Write(Invalidation item)
    {
        lock (_lock)
        {
            _isLive = item.Kind == InvalidationKind.Restored || (_isLive && item.Kind != InvalidationKind.Lost);
            if (_queue.Writer.TryWrite(item))
                return;

            // Whatever was queued is covered by Lost; whether tracking works now must still be told.
            while (_queue.Reader.TryRead(out _))
            {
            }

            _queue.Writer.TryWrite(new Invalidation(InvalidationKind.Lost, default));
            if (_isLive)
                _queue.Writer.TryWrite(new Invalidation(InvalidationKind.Restored, default));
        }
    }
}
