namespace SkyRiff.Redis.Connections;

/// <summary>
/// Lanes that serve one caller at a time: for commands that block in the server, for WATCH, and for payloads so large that they would stop everybody
/// behind them. At most <see cref="RedisOptions.DedicatedConnectionsMax"/>; further callers wait, in order.
/// </summary>
internal sealed class DedicatedLanes(Func<Lane> make, ClientContext context) : IAsyncDisposable
{
    private readonly SemaphoreSlim _free = new(context.Options.DedicatedConnectionsMax);
    private readonly Lock _lock = new();
    private readonly Stack<Lane> _idle = new();
    private readonly List<Lane> _all = [];
    private bool _disposed;

    public bool HasWork => _free.CurrentCount < context.Options.DedicatedConnectionsMax;

    /// <summary>An open lane, within the time limit; <see cref="RedisErrorKind.Overloaded"/> or <see cref="RedisErrorKind.NotSent"/> otherwise.</summary>
    public async Task<Lane> RentAsync(CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(context.Options.TimeLimit, context.Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            await _free.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RedisException(RedisErrorKind.Overloaded, "All dedicated connections were busy for as long as the time limit.");
        }

        var lane = Take();
        try
        {
            await lane.ConnectAsync(limit.Token);
            return lane;
        }
        catch
        {
            Return(lane);
            cancellation.ThrowIfCancellationRequested();
            throw;
        }
    }

    public void Return(Lane lane)
    {
        lock (_lock)
            _idle.Push(lane);
        _free.Release();
    }

    private Lane Take()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                _free.Release();
                throw new RedisException(RedisErrorKind.Disposed, "The client was disposed.");
            }

            if (_idle.TryPop(out var lane))
                return lane;
            lane = make();
            _all.Add(lane);
            return lane;
        }
    }

    public void Sweep(long now)
    {
        lock (_lock)
        {
            foreach (var lane in _all)
                lane.Sweep(now);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Lane[] all;
        lock (_lock)
        {
            _disposed = true;
            all = [.. _all];
        }

        foreach (var lane in all)
            await lane.DisposeAsync();
    }
}
