using SkyRiff.Redis.Subscriptions;

namespace SkyRiff.Redis.Connections;

/// <summary>What a client needs from its topology; two of them exist, <see cref="StandaloneRouter"/> and the cluster's.</summary>
internal abstract class CommandRouter : ICommandRouter, IAsyncDisposable
{
    private readonly DeadlineSweeper _sweeper;
    private readonly Lazy<SubscriptionHub> _subscriptions;
    private Func<long, bool>[] _periodic = [];

    protected CommandRouter(ClientContext context)
    {
        Context = context;
        _sweeper = new DeadlineSweeper(context.Options.TimeLimit, context.Time, Sweep);
        _sweeper.Serve(context.Options.HeartbeatPeriod);
        _subscriptions = new Lazy<SubscriptionHub>(() => new SubscriptionHub(this));
    }

    public ClientContext Context { get; }

    public abstract bool HashesKeys { get; }

    /// <summary>Servers that own keys, now.</summary>
    public abstract IReadOnlyList<Node> Primaries { get; }

    /// <summary>All servers in use.</summary>
    public abstract IReadOnlyList<Node> Nodes { get; }

    public DeadlineSweeper Sweeper => _sweeper;

    public abstract void Route(PendingReply command);

    /// <summary>A script that the server forgot is sent again as text; other errors are the topology's.</summary>
    public bool TryRedirect(PendingReply command, ReadOnlySpan<byte> error)
    {
        if (command.Script is { } script && error.StartsWith("NOSCRIPT"u8) && !command.Command.HasPayload)
        {
            script.BecomeEval(ref command.Command);
            command.Script = null;
            Route(command);
            return true;
        }

        return TryRedirectByTopology(command, error);
    }

    public abstract void OnUnreachable(RedisEndpoint endpoint);

    protected abstract bool TryRedirectByTopology(PendingReply command, ReadOnlySpan<byte> error);

    /// <summary>The server of a slot; of any when the slot is -1.</summary>
    public abstract Node PrimaryOf(int slot);

    /// <summary>Waits until <see cref="Primaries"/> is known.</summary>
    public abstract Task ReadyAsync(CancellationToken cancellation);

    public abstract Task ConnectAsync(CancellationToken cancellation);

    /// <summary>Made when it is first used.</summary>
    public SubscriptionHub Subscriptions => _subscriptions.Value;

    /// <summary>Pushes of shared connections (see <see cref="RedisOptions.TrackReads"/>) go here.</summary>
    public Tracking.TrackingHub Pushes { get; } = new();

    /// <summary>Is told when <see cref="Primaries"/> became others.</summary>
    public event Action? TopologyChanged;

    /// <summary>Is called at every sweep with the time's timestamp; answers whether it wants the next one.</summary>
    public void AddPeriodic(Func<long, bool> periodic)
    {
        while (true)
        {
            var seen = Volatile.Read(ref _periodic);
            if (ReferenceEquals(Interlocked.CompareExchange(ref _periodic, [.. seen, periodic], seen), seen))
                break;
        }

        _sweeper.Wake();
    }

    public void RemovePeriodic(Func<long, bool> periodic)
    {
        while (true)
        {
            var seen = Volatile.Read(ref _periodic);
            if (ReferenceEquals(Interlocked.CompareExchange(ref _periodic, [.. seen.Where(p => p != periodic)], seen), seen))
                return;
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        await _sweeper.DisposeAsync();
        if (_subscriptions.IsValueCreated)
            await _subscriptions.Value.DisposeAsync();
    }

    protected void TellTopologyChanged() => TopologyChanged?.Invoke();

    protected abstract bool SweepNodes(long now);

    private bool Sweep(long now)
    {
        var work = SweepNodes(now);
        foreach (var periodic in Volatile.Read(ref _periodic))
            work |= periodic(now);
        return work;
    }
}

/// <summary>Everything goes to one server.</summary>
internal sealed class StandaloneRouter : CommandRouter
{
    private readonly Node _node;

    public StandaloneRouter(ClientContext context)
        : base(context)
    {
        _node = new Node(context.Options.Endpoints[0], ConnectionPurpose.Commands, context, this, Pushes, Pushes.OnLaneChange);
        Pushes.Want(context.Options.ConnectionsPerNode);
        Primaries = [_node];
    }

    public override bool HashesKeys => false;

    public override IReadOnlyList<Node> Primaries { get; }

    public override IReadOnlyList<Node> Nodes => Primaries;

    public override void Route(PendingReply command) => _node.Send(command);

    protected override bool TryRedirectByTopology(PendingReply command, ReadOnlySpan<byte> error) => false;

    public override void OnUnreachable(RedisEndpoint endpoint)
    {
        // There is nowhere else to go.
    }

    public override Node PrimaryOf(int slot) => _node;

    public override Task ReadyAsync(CancellationToken cancellation) => Task.CompletedTask;

    public override Task ConnectAsync(CancellationToken cancellation) => _node.ConnectAsync(cancellation);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _node.DisposeAsync();
    }

    protected override bool SweepNodes(long now)
    {
        _node.Sweep(now);
        return _node.HasWork;
    }
}
