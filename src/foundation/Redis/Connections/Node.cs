namespace SkyRiff.Redis.Connections;

/// <summary>One server: a few lanes that all callers share, and a bounded pool of lanes for one caller at a time.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly Lane[] _lanes;
    private readonly DedicatedLanes _dedicated;
    private readonly bool _heartbeat;
    private readonly bool _readsOnly;

    public Node(RedisEndpoint endpoint, ConnectionPurpose purpose, ClientContext context, ICommandRouter router, IFrameHandler? pushes, Action<bool>? onChange)
    {
        Endpoint = endpoint;
        _readsOnly = purpose.ReadOnly;
        _heartbeat = context.Options.TrackReads;
        if (_heartbeat)
            purpose = purpose with { Tracking = ["OPTIN"] };
        _lanes = new Lane[context.Options.ConnectionsPerNode];
        for (var index = 0; index < _lanes.Length; index++)
            _lanes[index] = new Lane(endpoint, purpose, context, router, pushes) { OnChange = onChange };
        _dedicated = new DedicatedLanes(() => new Lane(endpoint, purpose with { Tracking = null }, context, router, null), context);
    }

    public RedisEndpoint Endpoint { get; }

    public DedicatedLanes Dedicated => _dedicated;

    public bool IsOpen => Array.Exists(_lanes, lane => lane.IsOpen);

    /// <summary>Whether it was tried and no connection is there.</summary>
    public bool IsAway => !IsOpen && Array.Exists(_lanes, lane => lane.WasTried);

    public bool IsBusy => Array.Exists(_lanes, lane => lane.Load > 0) || _dedicated.HasWork;

    /// <summary>Whether sweeps are needed.</summary>
    public bool HasWork => _heartbeat || IsBusy;

    public RedisServerStatus Status() => new(
        Endpoint,
        _readsOnly,
        _lanes.Count(lane => lane.IsOpen),
        _lanes.Sum(lane => lane.Current?.InFlight ?? 0),
        _lanes.Sum(lane => lane.Waiting),
        _lanes.Sum(lane => lane.Breaks),
        Array.Find(_lanes, lane => lane.WasTried)?.LastFailure?.Message);

    /// <summary>On the lane with the fewest commands before it. One that is not connected has none, and would draw all of them: it connects while an open one serves.</summary>
    public void Send(PendingReply command)
    {
        var best = _lanes[0];
        var bestLoad = best.Load;
        for (var index = 1; index < _lanes.Length; index++)
        {
            var load = _lanes[index].Load;
            if (load < bestLoad)
                (best, bestLoad) = (_lanes[index], load);
        }

        if (!best.IsOpen && LeastLoadedOpen() is { } open)
        {
            best.Start();
            best = open;
        }

        best.Send(command);
    }

    public Task ConnectAsync(CancellationToken cancellation) => Task.WhenAll(_lanes.Select(lane => lane.ConnectAsync(cancellation)));

    /// <summary>Starts connecting all shared lanes.</summary>
    public void Start()
    {
        foreach (var lane in _lanes)
            lane.Start();
    }

    public void Sweep(long now)
    {
        foreach (var lane in _lanes)
        {
            lane.Sweep(now);
            if (_heartbeat)
                lane.KeepAlive(now);
        }

        _dedicated.Sweep(now);
    }

    private Lane? LeastLoadedOpen()
    {
        Lane? best = null;
        foreach (var lane in _lanes)
        {
            if (lane.IsOpen && (best is null || lane.Load < best.Load))
                best = lane;
        }

        return best;
    }

    public IEnumerable<PendingReply> TakeWaiting() => _lanes.SelectMany(lane => lane.TakeWaiting());

    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes)
            await lane.DisposeAsync();
        await _dedicated.DisposeAsync();
    }
}
