using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis.Cluster;

/// <summary>
/// Sends every command to the node of its slot, and follows the cluster as it changes:
/// <list type="number">
/// <item>MOVED corrects the slot, resends the command there and asks for a refresh; ASK resends this command only, after ASKING.</item>
/// <item>"Not now" replies (TRYAGAIN, CLUSTERDOWN, LOADING...) park the command until the next sweep; it did not run, so it is tried until its time
/// limit.</item>
/// <item>A node that cannot be reached asks for a refresh, which repeats until the map names nodes that can. When the map has changed, commands that
/// wait for a dead node and were never sent go to its successor.</item>
/// </list>
/// </summary>
internal sealed class ClusterRouter : CommandRouter
{
    /// <summary>More redirects than this mean that the cluster contradicts itself.</summary>
    private const int RedirectsMax = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<RedisEndpoint, Node> _primaryNodes = [];
    private readonly Dictionary<RedisEndpoint, Node> _replicaNodes = [];
    private readonly List<Node> _retired = [];
    private readonly MapRefresher _refresher;
    private List<PendingReply> _parked = [];
    private ClusterView? _view;
    private int _turn;
    private bool _disposed;

    public ClusterRouter(ClientContext context)
        : base(context)
    {
        foreach (var seed in context.Options.Endpoints)
            PrimaryNode(seed);
        _refresher = new MapRefresher(context, Candidates, Apply, IsWhole);
    }

    public override bool HashesKeys => true;

    public override IReadOnlyList<Node> Primaries => Volatile.Read(ref _view)?.Primaries ?? [];

    public override IReadOnlyList<Node> Nodes
    {
        get
        {
            lock (_lock)
                return [.. _primaryNodes.Values, .. _replicaNodes.Values];
        }
    }

    /// <summary>How often the map was asked for; for tests of the stampede protection.</summary>
    internal int Refreshes => _refresher.Count;

    public override void Route(PendingReply command)
    {
        var slot = command.Command.Slot;
        if (command.IsRead && slot >= 0 && Volatile.Read(ref _view) is { } view && OpenReplica(view.ReplicasOf(slot)) is { } replica)
            replica.Send(command);
        else
            PrimaryOf(slot).Send(command);
    }

    public override Node PrimaryOf(int slot)
    {
        var view = Volatile.Read(ref _view);
        if (view is null)
            _refresher.Request();
        return (slot >= 0 ? view?.PrimaryOf(slot) : null) ?? AnyNode(view);
    }

    public override void OnUnreachable(RedisEndpoint endpoint)
    {
        if (!_disposed)
            _refresher.Request();
    }

    public override Task ReadyAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _view) is not null)
            return Task.CompletedTask;
        _refresher.Request();
        return _refresher.FirstMap.WaitAsync(cancellation);
    }

    public override async Task ConnectAsync(CancellationToken cancellation)
    {
        try
        {
            await ReadyAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            throw new RedisException(RedisErrorKind.NotSent, "No node of the Redis cluster told its slot map.", _refresher.LastFailure);
        }

        await Task.WhenAll(Primaries.Select(node => node.ConnectAsync(cancellation)));
    }

    public override async ValueTask DisposeAsync()
    {
        _disposed = true;
        await base.DisposeAsync();
        await _refresher.DisposeAsync();
        Node[] nodes;
        PendingReply[] parked;
        lock (_lock)
        {
            nodes = [.. _primaryNodes.Values, .. _replicaNodes.Values, .. _retired];
            parked = [.. _parked];
            _parked = [];
        }

        foreach (var node in nodes)
            await node.DisposeAsync();
        foreach (var command in parked)
            Fail(command, new RedisException(RedisErrorKind.Disposed, "The client was disposed."));
    }

    protected override bool TryRedirectByTopology(PendingReply command, ReadOnlySpan<byte> error)
    {
        var redirect = Redirect.Read(error, Context.Options.Endpoints[0].Host);
        if (redirect.Kind == RedirectKind.None)
            return false;

        if (redirect.Kind == RedirectKind.Moved)
        {
            Volatile.Read(ref _view)?.Correct(redirect.Slot, PrimaryNode(redirect.Endpoint!));
            _refresher.Request();
        }

        if (!command.IsPending)
        {
            command.ReleaseAbandoned();
            return true;
        }

        if (++command.Redirects > RedirectsMax && redirect.Kind != RedirectKind.Later)
            return false;

        if (command.Command.HasPayload)
        {
            // It sits on a connection of its own, whose owner must take it to the other node.
            Fail(command, new RedisException(RedisErrorKind.NotSent, "The key's slot is moving; the large value was not written, try again."));
            return true;
        }

        // A transaction cannot be continued elsewhere by one ASKING: the slot's keys may be on both sides.
        command.Asking = redirect.Kind == RedirectKind.Ask && command.RepliesBefore == 0;
        if (redirect.Kind == RedirectKind.Later || (redirect.Kind == RedirectKind.Ask && command.RepliesBefore > 0))
            Park(command);
        else
            PrimaryNode(redirect.Endpoint!).Send(command);
        return true;
    }

    protected override bool SweepNodes(long now)
    {
        if (Volatile.Read(ref _view) is null)
            _refresher.Request();

        Node[] nodes;
        Node[] finished;
        List<PendingReply> parked;
        lock (_lock)
        {
            finished = [.. _retired.Where(node => !node.IsBusy)];
            _retired.RemoveAll(finished.Contains);
            nodes = [.. _primaryNodes.Values, .. _replicaNodes.Values, .. _retired];
            (parked, _parked) = (_parked, []);
        }

        foreach (var node in finished)
            _ = RetireAsync(node);
        foreach (var node in nodes)
            node.Sweep(now);
        foreach (var command in parked)
            Unpark(command, now);
        return parked.Count > 0 || Array.Exists(nodes, node => node.HasWork);
    }

    private static async Task RetireAsync(Node node) => await node.DisposeAsync();

    private static void Fail(PendingReply command, Exception failure)
    {
        if (command.TryFail(failure))
            ThreadPool.UnsafeQueueUserWorkItem(command, preferLocal: false);
    }

    private void Park(PendingReply command)
    {
        command.IsRead = false; // a replica that is not ready is not asked again
        _refresher.Request();
        bool isFull;
        lock (_lock)
        {
            isFull = _parked.Count >= Context.Options.WaitingMax;
            if (!isFull)
                _parked.Add(command);
        }

        if (isFull)
            Fail(command, new RedisException(RedisErrorKind.Overloaded, "Too many commands wait for the cluster to become whole."));
        Sweeper.Wake();
    }

    private void Unpark(PendingReply command, long now)
    {
        if (command.TryExpire(now, static () => new RedisException(RedisErrorKind.NotSent, "The cluster did not serve the key's slot within the time limit."))
            || !command.IsPending)
        {
            command.ReleaseAbandoned();
        }
        else
        {
            Route(command);
        }
    }

    private Node? OpenReplica(ReadOnlySpan<Node> replicas)
    {
        if (replicas.IsEmpty)
            return null;

        var first = (int)((uint)Interlocked.Increment(ref _turn) % (uint)replicas.Length);
        for (var offset = 0; offset < replicas.Length; offset++)
        {
            var replica = replicas[(first + offset) % replicas.Length];
            if (replica.IsOpen)
                return replica;
            replica.Start();
        }

        return null;
    }

    private Node AnyNode(ClusterView? view)
    {
        var nodes = view?.Primaries;
        if (nodes is null or { Count: 0 })
        {
            lock (_lock)
                nodes = [.. _primaryNodes.Values];
        }

        var first = (int)((uint)Interlocked.Increment(ref _turn) % (uint)nodes.Count);
        for (var offset = 0; offset < nodes.Count; offset++)
        {
            var node = nodes[(first + offset) % nodes.Count];
            if (node.IsOpen)
                return node;
        }

        return nodes[first];
    }

    private Node PrimaryNode(RedisEndpoint endpoint)
    {
        lock (_lock)
        {
            if (!_primaryNodes.TryGetValue(endpoint, out var node))
            {
                node = new Node(endpoint, ConnectionPurpose.Commands, Context, this, Pushes, Pushes.OnLaneChange);
                _primaryNodes.Add(endpoint, node);
                if (Context.Options.TrackReads)
                    node.Start();
            }

            return node;
        }
    }

    private Node ReplicaNode(RedisEndpoint endpoint)
    {
        lock (_lock)
        {
            if (!_replicaNodes.TryGetValue(endpoint, out var node))
            {
                node = new Node(endpoint, new ConnectionPurpose { ReadOnly = true }, Context, this, pushes: null, onChange: null);
                _replicaNodes.Add(endpoint, node);
            }

            return node;
        }
    }

    /// <summary>Whom to ask for the map: nodes with open connections first, in an order of chance.</summary>
    private Node[] Candidates()
    {
        lock (_lock)
        {
            var nodes = _primaryNodes.Values.ToList();
            foreach (var seed in Context.Options.Endpoints.Where(seed => !_primaryNodes.ContainsKey(seed)).ToList())
                nodes.Add(PrimaryNode(seed));
            return [.. nodes.OrderBy(node => node.IsOpen ? 0 : 1).ThenBy(_ => Context.Entropy.Next(1 << 20))];
        }
    }

    /// <summary>Whether all slots are covered by primaries that are connected or have not been tried.</summary>
    private bool IsWhole() => Volatile.Read(ref _view) is { } view && view.Map.SlotsCovered == KeySlot.Count && view.Primaries.All(node => !node.IsAway);

    private void Apply(SlotMap map)
    {
        var before = Volatile.Read(ref _view);
        var view = new ClusterView(map, PrimaryNode, ReplicaNode);
        var wanted = view.Primaries.ToHashSet();
        List<Node> stranded;
        lock (_lock)
        {
            // A primary that left the map serves what it has in flight, then it is closed; a seed that is no primary likewise.
            stranded = [.. _primaryNodes.Values.Where(node => node.IsAway || !wanted.Contains(node))];
            Retire(_primaryNodes, [.. map.Primaries]);
            Retire(_replicaNodes, [.. map.Ranges.SelectMany(range => range.Replicas)]);
        }

        Volatile.Write(ref _view, view);
        Pushes.Want(Math.Max(1, view.Primaries.Count * Context.Options.ConnectionsPerNode));
        foreach (var command in stranded.SelectMany(node => node.TakeWaiting()))
            Route(command);
        if (before is null || !before.Map.HasSamePrimaries(map))
            TellTopologyChanged();
    }

    private void Retire(Dictionary<RedisEndpoint, Node> nodes, HashSet<RedisEndpoint> wanted)
    {
        foreach (var (endpoint, node) in nodes.Where(entry => !wanted.Contains(entry.Key)).ToList())
        {
            nodes.Remove(endpoint);
            _retired.Add(node);
        }

        if (_retired.Count > 0)
            Sweeper.Wake();
    }
}
