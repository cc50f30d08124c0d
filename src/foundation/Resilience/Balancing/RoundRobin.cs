namespace SkyRiff.Resilience.Balancing;

/// <summary>One after the other, weights ignored.</summary>
public sealed class RoundRobin : Balancer
{
    internal const string AlgorithmName = "round_robin";

    private uint _next = uint.MaxValue;

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        var available = set.AvailableArray;
        var turn = Interlocked.Increment(ref _next) % (uint)available.Length;
        return available[turn] != pick.Avoid ? available[turn] : available[(turn + 1) % (uint)available.Length];
    }
}

/// <summary>
/// Each in proportion to its weight, and never several times in a row where that can be avoided (nginx's smooth weighted round robin): everybody gains its
/// weight, the richest is chosen and pays the sum. Linear in the number of endpoints.
/// </summary>
public sealed class SmoothWeightedRoundRobin : Balancer
{
    internal const string AlgorithmName = "weighted_round_robin";

    private readonly Lock _lock = new();

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        lock (_lock)
        {
            Endpoint? richest = null;
            double sum = 0;
            foreach (var endpoint in set.AvailableArray)
            {
                if (endpoint == pick.Avoid) continue;
                var weight = endpoint.EffectiveWeight(pick.Now);
                sum += weight;
                endpoint.Turn += weight;
                if (richest is null || endpoint.Turn > richest.Turn) richest = endpoint;
            }
            richest!.Turn -= sum;
            return richest;
        }
    }
}
