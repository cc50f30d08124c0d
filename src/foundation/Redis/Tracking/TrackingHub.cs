using SkyRiff.Redis.Connections;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Tracking;

/// <summary>Turns tracking pushes and connection changes into calls of the handlers; counts lanes so that Lost and Restored come in turn.</summary>
internal sealed class TrackingHub : IFrameHandler
{
    private readonly Lock _lock = new();
    private IInvalidationHandler[] _handlers = [];
    private int _lanesOpen;
    private int _lanesWanted;
    private bool _isLive;

    public bool IsLive => Volatile.Read(ref _isLive);

    public void Add(IInvalidationHandler handler)
    {
        lock (_lock)
        {
            Volatile.Write(ref _handlers, [.. _handlers, handler]);
            if (_isLive)
                handler.OnAll(InvalidationKind.Restored);
        }
    }

    public void Remove(IInvalidationHandler handler)
    {
        lock (_lock)
            Volatile.Write(ref _handlers, [.. _handlers.Where(h => !ReferenceEquals(h, handler))]);
    }

    /// <summary>How many connections must be open before all keys are watched.</summary>
    public void Want(int lanes)
    {
        lock (_lock)
            _lanesWanted = lanes;
        Tell();
    }

    public void OnLaneChange(bool isOpen)
    {
        lock (_lock)
            _lanesOpen += isOpen ? 1 : -1;
        if (!isOpen)
            TellLost();
        Tell();
    }

    public void OnFrame(RespElement frame)
    {
        if (frame.Kind != RespKind.Push)
            return;
        var parts = frame.GetEnumerator();
        if (!parts.MoveNext() || !parts.Current.Bytes.SequenceEqual("invalidate"u8) || !parts.MoveNext())
            return;

        var keys = parts.Current;
        if (keys.IsNull)
        {
            foreach (var handler in Volatile.Read(ref _handlers))
                handler.OnAll(InvalidationKind.All);
            return;
        }

        foreach (var key in keys)
        {
            foreach (var handler in Volatile.Read(ref _handlers))
                handler.OnKey(key.Bytes);
        }
    }

    private void TellLost()
    {
        lock (_lock)
        {
            // Every break loses invalidations, also one after another while not all lanes were back.
            _isLive = false;
            foreach (var handler in _handlers)
                handler.OnAll(InvalidationKind.Lost);
        }
    }

    private void Tell()
    {
        lock (_lock)
        {
            var isLive = _lanesOpen >= _lanesWanted && _lanesWanted > 0;
            if (isLive == _isLive)
                return;
            _isLive = isLive;
            foreach (var handler in _handlers)
                handler.OnAll(isLive ? InvalidationKind.Restored : InvalidationKind.Lost);
        }
    }
}
