using SkyRiff.Redis.Connections;
using SkyRiff.Redis.Tracking;

namespace SkyRiff.Redis;

/// <summary>
/// Broadcast tracking: one connection of its own per primary, which is told of every write to keys with the given prefixes, whoever reads them.
/// Connections follow the cluster's topology; while one is missing, tracking is lost.
/// </summary>
public sealed class RedisTracking : IAsyncDisposable
{
    private readonly CommandRouter _router;
    private readonly ConnectionPurpose _purpose;
    private readonly TrackingHub _hub = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<RedisEndpoint, Lane> _lanes = [];
    private bool _disposed;

    internal RedisTracking(CommandRouter router, IReadOnlyList<string> prefixes, IInvalidationHandler handler)
    {
        _router = router;
        _purpose = new ConnectionPurpose
        {
            AllFramesToHandler = true,
            Tracking = ["BCAST", .. prefixes.SelectMany(prefix => new RedisArg[] { "PREFIX", prefix })],
        };
        _hub.Add(handler);
        _router.TopologyChanged += FollowTopology;
        FollowTopology();
        _router.AddPeriodic(KeepAlive);
    }

    /// <summary>Whether every write is being told now; false from <see cref="InvalidationKind.Lost"/> to <see cref="InvalidationKind.Restored"/>, and before the first connection.</summary>
    public bool IsLive => _hub.IsLive;

    /// <summary>Ends the tracking; the handler is told nothing more.</summary>
    public async ValueTask DisposeAsync()
    {
        _router.TopologyChanged -= FollowTopology;
        _router.RemovePeriodic(KeepAlive);
        Lane[] lanes;
        lock (_lock)
        {
            _disposed = true;
            lanes = [.. _lanes.Values];
            _lanes.Clear();
        }

        foreach (var lane in lanes)
            await lane.DisposeAsync();
    }

    private bool KeepAlive(long now)
    {
        lock (_lock)
        {
            foreach (var lane in _lanes.Values)
                lane.KeepAlive(now);
        }

        return true;
    }

    private void FollowTopology()
    {
        lock (_lock)
        {
            if (_disposed)
                return;

            var wanted = _router.Primaries.Select(node => node.Endpoint).ToHashSet();
            foreach (var gone in _lanes.Keys.Where(endpoint => !wanted.Contains(endpoint)).ToList())
            {
                _lanes.Remove(gone, out var lane);
                _ = RetireAsync(lane!);
            }

            _hub.Want(Math.Max(1, wanted.Count));
            foreach (var endpoint in wanted.Where(endpoint => !_lanes.ContainsKey(endpoint)))
            {
                var lane = new Lane(endpoint, _purpose, _router.Context, _router, _hub) { OnChange = _hub.OnLaneChange };
                _lanes.Add(endpoint, lane);
                lane.Start();
            }
        }
    }

    private static async Task RetireAsync(Lane lane) => await lane.DisposeAsync();
}
