using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Gateway.Decisions;

/// <summary>One address that requests are forwarded to. It lives as long as its cluster has it, over reloads.</summary>
internal sealed class Target(int index, EndPoint address, Endpoint endpoint)
{
    /// <summary>Dense and process-wide: fronts keep their pools in an array by it.</summary>
    public int Index { get; } = index;

    public EndPoint Address { get; } = address;

    public Endpoint Endpoint { get; } = endpoint;

    public byte[] NameBytes { get; } = Encoding.ASCII.GetBytes(endpoint.Id);
}

/// <summary>
/// Targets that answer the same, with what is known about them. The configuration part is replaced on a reload; health, latency, breaker and budget stay
/// with <see cref="State"/>.
/// </summary>
internal sealed class Cluster
{
    private readonly Balancer _balancer;
    private readonly byte[] _hashName;

    public Cluster(ClusterConfig config, Cluster? before, Entropy entropy, long now)
    {
        Config = config;
        _hashName = Encoding.ASCII.GetBytes(config.HashName);
        State = before is not null && before.Config.Group == config.Group ? before.State : new ClusterState(config);
        _balancer = before is not null && before.Config.Balance == config.Balance && ReferenceEquals(before.State, State)
            ? before._balancer : Balancer.Create(config.Balance, entropy)!;
        State.Update(config.Endpoints, now);
        Budget = before is not null && before.Config.RetryBudget == config.RetryBudget ? before.Budget : new RetryBudget(config.RetryBudget);
        Adaptive = config.Adaptive is null ? null : IsSame(before?.Config.Adaptive, config.Adaptive) ? before!.Adaptive : new AdaptiveConcurrency(config.Adaptive);
    }

    public string Name => Config.Name;

    public ClusterConfig Config { get; }

    public ClusterState State { get; }

    public RetryBudget Budget { get; }

    public AdaptiveConcurrency? Adaptive { get; }

    public IReadOnlyList<Target> Targets => State.Targets;

    private static bool IsSame(AdaptiveConcurrencyOptions? before, AdaptiveConcurrencyOptions now) =>
        before is not null && (before.LimitMin, before.LimitMax, before.LimitStart) == (now.LimitMin, now.LimitMax, now.LimitStart);

    /// <summary>Chooses where the request goes; null when nobody is there. <paramref name="avoid"/> is where it just failed.</summary>
    public Target? Choose(ulong key, Endpoint? avoid, long now)
    {
        var chosen = _balancer.Choose(State.Group.At(now), new Pick(now, key, avoid));
        return chosen is null ? null : State.TargetOf(chosen);
    }

    /// <summary>The target that a sticky cookie names, while it may serve.</summary>
    public Target? Find(ReadOnlySpan<byte> cookie, long now)
    {
        if (cookie.Length != 16 || !Utf8Parser.TryParse(cookie, out ulong hash, out var consumed, 'x') || consumed != 16) return null;
        foreach (var endpoint in State.Group.At(now).Available)
        {
            if (endpoint.Hash == hash) return State.TargetOf(endpoint);
        }
        return null;
    }

    /// <summary>The number by which consistent hashing chooses.</summary>
    public ulong HashKey(RequestHead head, EdgeVerdict verdict)
    {
        switch (Config.HashOn)
        {
            case HashSource.User when verdict.Identity is { } identity:
                return identity.Hash;
            case HashSource.Path:
                return SipHash.Stable.Hash(head.Path);
            case HashSource.Header when head.TryGet(_hashName, out var value):
                return SipHash.Stable.Hash(value);
            case HashSource.Cookie when Cookies.TryGet(head, _hashName, out var value):
                return SipHash.Stable.Hash(value);
            default:
                return SipHash.Stable.Hash((ulong)verdict.Client.Value, (ulong)(verdict.Client.Value >> 64));
        }
    }
}

/// <summary>
/// What a cluster has learned and a reload must not forget. Old and new snapshots share it, so a request that was decided by the old one may meet an endpoint
/// that only the new one names, and the reverse.
/// </summary>
internal sealed class ClusterState(ClusterConfig config)
{
    private static int _nextIndex;
    private readonly ConcurrentDictionary<string, EndPoint> _addresses = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Endpoint, Target> _targets = new();
    private int _inFlight;

    public EndpointGroup Group { get; } = new(config.Group);

    public int InFlight => Volatile.Read(ref _inFlight);

    public IReadOnlyList<Target> Targets
    {
        get
        {
            var targets = new List<Target>();
            foreach (var endpoint in Group.Current.Members) targets.Add(TargetOf(endpoint));
            return targets;
        }
    }

    public void Update(IReadOnlyList<EndpointConfig> endpoints, long now)
    {
        // Addresses first: as soon as the group knows an endpoint, it can be chosen.
        foreach (var endpoint in endpoints) _addresses[endpoint.Id] = endpoint.Address;
        foreach (var gone in Group.Update([.. endpoints.Select(e => new EndpointSpec(e.Id, e.Weight))], now)) _targets.TryRemove(gone, out _);
    }

    public Target TargetOf(Endpoint endpoint) => _targets.TryGetValue(endpoint, out var known)
        ? known : _targets.GetOrAdd(endpoint, (added, addresses) => new Target(Interlocked.Increment(ref _nextIndex), addresses[added.Id], added), _addresses);

    public bool TryEnter(int max)
    {
        if (Interlocked.Increment(ref _inFlight) <= max) return true;
        Interlocked.Decrement(ref _inFlight);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _inFlight);
}

/// <summary>A route's way to a cluster: the breaker is here, so that one route's failures do not close another's.</summary>
internal sealed class Arm(Cluster cluster, CircuitBreaker breaker)
{
    public Cluster Cluster { get; } = cluster;

    public CircuitBreaker Breaker { get; } = breaker;
}
