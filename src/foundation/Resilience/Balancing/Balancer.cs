using SkyRiff.Kernel;

namespace SkyRiff.Resilience.Balancing;

/// <summary>What a choice may depend on.</summary>
/// <param name="Now">Nanoseconds of a <see cref="MonotonicClock"/>.</param>
/// <param name="Key">Where the same key should go to the same endpoint: its <see cref="Hashing.SipHash.Stable"/> hash.</param>
/// <param name="Avoid">Where the last try failed; chosen again only if there is nobody else.</param>
public readonly record struct Pick(long Now, ulong Key = 0, Endpoint? Avoid = null);

/// <summary>Chooses one of the available endpoints. Choosing allocates nothing; instances are thread-safe and belong to one group.</summary>
public abstract class Balancer
{
    private protected Balancer()
    {
    }

    /// <summary>The algorithm's name, as in configuration.</summary>
    public abstract string Name { get; }

    /// <summary>The choice; null only when nobody is available.</summary>
    public Endpoint? Choose(EndpointSet set, in Pick pick) => set.AvailableArray.Length switch
    {
        0 => null,
        1 => set.AvailableArray[0],
        _ => ChooseOf(set, pick),
    };

    /// <summary>At least two are available.</summary>
    private protected abstract Endpoint ChooseOf(EndpointSet set, in Pick pick);

    /// <summary>Every algorithm's name.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        RoundRobin.AlgorithmName, SmoothWeightedRoundRobin.AlgorithmName, LeastRequests.AlgorithmName, PowerOfTwoChoices.AlgorithmName,
        LeastLatency.AlgorithmName, RingHash.AlgorithmName, BoundedRingHash.AlgorithmName, Maglev.AlgorithmName,
    ];

    /// <summary>A balancer by its name; null when there is none of that name.</summary>
    public static Balancer? Create(string name, Entropy entropy) => name switch
    {
        RoundRobin.AlgorithmName => new RoundRobin(),
        SmoothWeightedRoundRobin.AlgorithmName => new SmoothWeightedRoundRobin(),
        LeastRequests.AlgorithmName => new LeastRequests(),
        PowerOfTwoChoices.AlgorithmName => new PowerOfTwoChoices(entropy),
        LeastLatency.AlgorithmName => new LeastLatency(entropy),
        RingHash.AlgorithmName => new RingHash(),
        BoundedRingHash.AlgorithmName => new BoundedRingHash(),
        Maglev.AlgorithmName => new Maglev(),
        _ => null,
    };
}
