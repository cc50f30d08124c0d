using System.Text;
using SkyRiff.Redis.Cluster;
using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis.Subscriptions;

/// <summary>
/// Who listens to what, and on which connection. Plain channels and patterns share one connection to any node; a sharded channel is on its slot's
/// node and follows it. All listeners of a channel share one subscription at the server.
/// </summary>
internal sealed class SubscriptionHub : IAsyncDisposable
{
    private const int ChannelCharsOnStack = 256;

    private readonly CommandRouter _router;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ChannelEntry>[] _entries = [new(), new(), new()];
    private readonly Dictionary<RedisEndpoint, SubscriptionLane> _lanes = [];
    private bool _disposed;

    public SubscriptionHub(CommandRouter router)
    {
        _router = router;
        router.TopologyChanged += FollowTopology;
        router.AddPeriodic(KeepAlive);
    }

    public async Task<RedisSubscription> SubscribeAsync(ChannelKind kind, IReadOnlyList<string> channels, int capacity, CancellationToken cancellation)
    {
        await _router.ReadyAsync(cancellation);
        var subscription = new RedisSubscription(this, [.. channels.Select(name => new ChannelName(kind, name))], capacity);
        List<Task> confirmed;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(RedisClient));
            confirmed = [.. subscription.Channels.Select(name => JoinLocked(name, subscription))];
        }

        try
        {
            await Task.WhenAll(confirmed).WaitAsync(cancellation);
            return subscription;
        }
        catch
        {
            await subscription.DisposeAsync();
            throw;
        }
    }

    public void Leave(RedisSubscription subscription)
    {
        lock (_lock)
        {
            foreach (var name in subscription.Channels)
            {
                if (!_entries[(int)name.Kind].TryGetValue(name.Name, out var entry) || !entry.Listeners.Remove(subscription) || entry.Listeners.Count > 0)
                    continue;
                _entries[(int)name.Kind].Remove(name.Name);
                entry.Lane?.UnsubscribeLocked(entry);
            }
        }
    }

    public void OnLaneChange(SubscriptionLane lane, bool isOpen)
    {
        lock (_lock)
        {
            if (isOpen)
                lane.ResubscribeLocked();
            else
                lane.InterruptLocked();
        }
    }

    public void OnMessage(ChannelKind kind, ReadOnlySpan<byte> subscribed, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload)
    {
        Span<char> name = subscribed.Length <= ChannelCharsOnStack ? stackalloc char[subscribed.Length] : new char[subscribed.Length];
        name = name[..Encoding.UTF8.GetChars(subscribed, name)];
        lock (_lock)
        {
            if (!_entries[(int)kind].GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var entry))
                return;
            var message = new RedisMessage(
                RedisMessageKind.Message, kind == ChannelKind.Pattern ? Encoding.UTF8.GetString(channel) : entry.Name.Name, payload.ToArray());
            foreach (var listener in entry.Listeners)
                listener.Deliver(message);
        }
    }

    public void OnSubscribed(SubscriptionLane lane)
    {
        lock (_lock)
            lane.TakeAnsweredLocked()?.Entry.Confirm();
    }

    /// <summary>The answer to an UNSUBSCRIBE; or, unasked for, the news that a sharded channel's slot left this node.</summary>
    public void OnUnsubscribed(SubscriptionLane lane, string channel)
    {
        lock (_lock)
        {
            if (lane.AwaitsLeaveOfLocked(channel))
            {
                lane.TakeAnsweredLocked();
                return;
            }

            if (lane.Channels.FirstOrDefault(entry => entry.Name == new ChannelName(ChannelKind.Sharded, channel)) is { } moved)
            {
                // Asked for again where it was: this node knows best where it went, and refuses with its new home. The map may come from a node that
                // has not heard of the move yet.
                moved.Interrupt();
                lane.SubscribeLocked(moved);
            }
        }

        _router.OnUnreachable(lane.Lane.Endpoint);
        FollowTopology();
    }

    public void OnRefused(SubscriptionLane lane, string error)
    {
        lock (_lock)
        {
            if (lane.TakeAnsweredLocked() is not { Subscribes: true, Entry: var entry })
                return;
            if (entry.Lane != lane || entry.Listeners.Count == 0)
                return; // it was moved, or left, while this was being asked

            var redirect = Redirect.Read(Encoding.UTF8.GetBytes(error), lane.Lane.Endpoint.Host);
            if (redirect.Kind == RedirectKind.Moved)
            {
                lane.Channels.Remove(entry);
                LaneOfLocked(redirect.Endpoint!).SubscribeLocked(entry);
                return;
            }

            if (redirect.Kind != RedirectKind.None)
            {
                lane.Lane.Break(new RedisException(RedisErrorKind.Refused, error)); // "not now": everything is asked again after a backoff
                return;
            }

            lane.Channels.Remove(entry);
            _entries[(int)entry.Name.Kind].Remove(entry.Name.Name);
            entry.Refuse(new RedisException(RedisErrorKind.Refused, error));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _router.TopologyChanged -= FollowTopology;
        _router.RemovePeriodic(KeepAlive);
        SubscriptionLane[] lanes;
        lock (_lock)
        {
            _disposed = true;
            lanes = [.. _lanes.Values];
            var gone = new RedisException(RedisErrorKind.Disposed, "The client was disposed.");
            foreach (var entry in _entries.SelectMany(byName => byName.Values))
                entry.Refuse(gone);
        }

        foreach (var lane in lanes)
            await lane.Lane.DisposeAsync();
    }

    private Task JoinLocked(ChannelName name, RedisSubscription subscription)
    {
        var entries = _entries[(int)name.Kind];
        if (entries.TryGetValue(name.Name, out var entry))
        {
            entry.Listeners.Add(subscription);
            return entry.Confirmed.Task;
        }

        entry = new ChannelEntry(name);
        entry.Listeners.Add(subscription);
        entries.Add(name.Name, entry);
        LaneOfLocked(PlaceOf(name)).SubscribeLocked(entry);
        return entry.Confirmed.Task;
    }

    private RedisEndpoint PlaceOf(ChannelName name)
    {
        if (name.Kind == ChannelKind.Sharded && _router.HashesKeys)
            return _router.PrimaryOf(KeySlot.Of(Encoding.UTF8.GetBytes(name.Name))).Endpoint;

        // One connection for all plain channels, as long as its node is there.
        var primaries = _router.Primaries;
        var used = primaries.FirstOrDefault(node => _lanes.TryGetValue(node.Endpoint, out var lane) && lane.Lane.IsOpen);
        return (used ?? primaries[0]).Endpoint;
    }

    private SubscriptionLane LaneOfLocked(RedisEndpoint endpoint)
    {
        if (!_lanes.TryGetValue(endpoint, out var lane))
        {
            lane = new SubscriptionLane(endpoint, _router.Context, _router, this);
            _lanes.Add(endpoint, lane);
        }

        return lane;
    }

    /// <summary>Moves what sits on nodes that left, or whose slot did.</summary>
    private void FollowTopology()
    {
        List<SubscriptionLane> empty;
        lock (_lock)
        {
            if (_disposed)
                return;

            var primaries = _router.Primaries.Select(node => node.Endpoint).ToHashSet();
            foreach (var entry in _entries.SelectMany(byName => byName.Values).ToList())
            {
                var stays = entry.Lane is { } lane && primaries.Contains(lane.Lane.Endpoint)
                    && (entry.Name.Kind != ChannelKind.Sharded || lane.Lane.Endpoint == PlaceOf(entry.Name));
                if (stays)
                    continue;
                entry.Interrupt();
                entry.Lane?.UnsubscribeLocked(entry);
                LaneOfLocked(PlaceOf(entry.Name)).SubscribeLocked(entry);
            }

            empty = [.. _lanes.Values.Where(lane => lane.Channels.Count == 0)];
            foreach (var lane in empty)
                _lanes.Remove(lane.Lane.Endpoint);
        }

        foreach (var lane in empty)
            _ = RetireAsync(lane);
    }

    private static async Task RetireAsync(SubscriptionLane lane) => await lane.Lane.DisposeAsync();

    private bool KeepAlive(long now)
    {
        lock (_lock)
        {
            foreach (var lane in _lanes.Values)
                lane.Lane.KeepAlive(now);
            return _lanes.Count > 0;
        }
    }
}
