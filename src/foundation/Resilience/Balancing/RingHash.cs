namespace SkyRiff.Resilience.Balancing;

/// <summary>
/// The same key to the same endpoint, over a <see cref="ConsistentHashRing"/> of all members. Keys of an endpoint that is not available go to the next on the ring
/// and come back with it; nobody else's move.
/// </summary>
public class RingHash : Balancer
{
    internal const string AlgorithmName = "ring_hash";

    private volatile Ring? _ring;

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        var ring = RingOf(set);
        var start = ring.Points.PointOf(pick.Key);
        var perWeight = CallsPerWeightMax(set);
        Endpoint? avoided = null;
        for (var step = 0; step < ring.Points.Points; step++)
        {
            var member = ring.Points.MemberAt(start + step);
            if (!set.MayServe(member)) continue;
            var endpoint = set.MembersArray[member];
            if (endpoint == pick.Avoid) avoided = endpoint;
            else if (endpoint.InFlight < Math.Ceiling(perWeight * endpoint.Weight)) return endpoint;
        }
        return avoided ?? set.AvailableArray[0];
    }

    /// <summary>How many calls in flight an endpoint may have per weight, the new one included.</summary>
    private protected virtual double CallsPerWeightMax(EndpointSet set) => double.PositiveInfinity;

    private Ring RingOf(EndpointSet set)
    {
        // Built by whoever needs it first; two at the same moment build the same.
        if (_ring is not { } ring || ring.Members != set.MembersArray)
        {
            _ring = ring = new Ring(set.MembersArray, new ConsistentHashRing([.. set.MembersArray.Select(member => (member.Hash, member.Weight))]));
        }
        return ring;
    }

    private sealed record Ring(Endpoint[] Members, ConsistentHashRing Points);
}

/// <summary>
/// <see cref="RingHash"/> with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2016): nobody gets more than <see cref="LoadFactor"/> times its share of the calls in
/// flight; a hot key's surplus goes to the next on the ring.
/// </summary>
public sealed class BoundedRingHash : RingHash
{
    internal new const string AlgorithmName = "ring_hash_bounded";

    /// <summary>How much more than its share an endpoint may carry.</summary>
    public const double LoadFactor = 1.25;

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override double CallsPerWeightMax(EndpointSet set)
    {
        long inFlight = 1;
        long weights = 0;
        foreach (var endpoint in set.AvailableArray)
        {
            inFlight += endpoint.InFlight;
            weights += endpoint.Weight;
        }
        return LoadFactor * inFlight / weights;
    }
}
