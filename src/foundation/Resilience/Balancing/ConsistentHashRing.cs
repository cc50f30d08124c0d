using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Resilience.Balancing;

/// <summary>
/// Points on a circle of 64 bits, many per member in proportion to its weight (Karger et al., 1997): a key belongs to the next point clockwise. Where a
/// member's points lie depends on nothing but its hash and its weight, so adding one takes over only the keys that become its own. Immutable.
/// </summary>
public sealed class ConsistentHashRing
{
    /// <summary>Points of a member of weight 1; the standard deviation of its share is about 1 / sqrt(points).</summary>
    public const int PointsPerWeight = 160;

    /// <summary>A larger ring has fewer points per weight instead.</summary>
    public const int PointsMax = 1 << 20;

    private readonly ulong[] _points;
    private readonly int[] _members;

    /// <param name="members">The members' hashes and weights; a member is known by its index here.</param>
    public ConsistentHashRing(IReadOnlyList<(ulong Hash, int Weight)> members)
    {
        long weights = 0;
        foreach (var (_, weight) in members) weights += weight;
        var perWeight = weights == 0 ? 0 : Math.Clamp((int)(PointsMax / weights), 1, PointsPerWeight);
        _points = new ulong[weights * perWeight];
        _members = new int[_points.Length];
        var next = 0;
        for (var member = 0; member < members.Count; member++)
        {
            var (hash, weight) = members[member];
            for (var point = 0; point < weight * perWeight; point++, next++)
            {
                _points[next] = SipHash.Stable.Hash(hash, (ulong)point);
                _members[next] = member;
            }
        }
        Array.Sort(_points, _members);
    }

    /// <summary>How many points there are.</summary>
    public int Points => _points.Length;

    /// <summary>The first point at or after the key; the first of all after the last. There must be a point.</summary>
    public int PointOf(ulong key)
    {
        var index = Array.BinarySearch(_points, key);
        if (index < 0) index = ~index;
        return index == _points.Length ? 0 : index;
    }

    /// <summary>Whose point it is; <paramref name="point"/> may run past the end and around.</summary>
    public int MemberAt(int point) => _members[point % _members.Length];
}
