using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Resilience.Balancing;

/// <summary>
/// A look-up table in which every member has its share of a prime number of places (Eisenbud et al., NSDI 2016). Immutable. A change of the members
/// moves about its share of the keys, and a few more than a ring does; look-ups are one array read.
/// </summary>
public sealed class MaglevTable
{
    /// <summary>Places; a prime, at least a hundred times the members for shares within one percent.</summary>
    public const int Places = 65_537;

    private readonly ushort[] _table;

    /// <param name="members">The members' hashes and weights, at most 65,535; a member is known by its index here.</param>
    public MaglevTable(IReadOnlyList<(ulong Hash, int Weight)> members)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(members.Count, ushort.MaxValue, nameof(members));
        _table = new ushort[members.Count == 0 ? 0 : Places];
        if (members.Count == 0) return;
        Array.Fill(_table, ushort.MaxValue);
        var heaviest = members.Max(member => member.Weight);
        var credit = new int[members.Count];
        var next = new uint[members.Count];
        var skip = new uint[members.Count];
        for (var member = 0; member < members.Count; member++)
        {
            next[member] = (uint)(SipHash.Stable.Hash(members[member].Hash, ulong.MaxValue) % Places);
            skip[member] = (uint)(SipHash.Stable.Hash(members[member].Hash, ulong.MaxValue - 1) % (Places - 1)) + 1;
        }
        // Everybody takes its next free place in turn; who weighs half as much takes every second turn.
        for (var filled = 0; filled < Places;)
        {
            for (var member = 0; member < members.Count && filled < Places; member++)
            {
                credit[member] += members[member].Weight;
                if (credit[member] < heaviest) continue;
                credit[member] -= heaviest;
                while (_table[next[member]] != ushort.MaxValue) next[member] = (next[member] + skip[member]) % Places;
                _table[next[member]] = (ushort)member;
                filled++;
            }
        }
    }

    /// <summary>Whose key it is. There must be a member.</summary>
    public int MemberOf(ulong key) => _table[key % Places];
}

/// <summary>
/// The same key (a client's address) to the same endpoint, in one array read over a <see cref="MaglevTable"/> of all members. Keys of an endpoint that is
/// not available are spread over the others, each key always to the same one.
/// </summary>
public sealed class Maglev : Balancer
{
    internal const string AlgorithmName = "maglev";

    /// <summary>Second choices that are tried before settling for any that is available.</summary>
    private const int RehashesMax = 32;

    private volatile Built? _built;

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        if (_built is not { } built || built.Members != set.MembersArray)
        {
            _built = built = new Built(set.MembersArray, new MaglevTable([.. set.MembersArray.Select(member => (member.Hash, member.Weight))]));
        }
        var key = pick.Key;
        for (var attempt = 0; attempt < RehashesMax; attempt++)
        {
            var member = built.Table.MemberOf(key);
            if (set.MayServe(member) && set.MembersArray[member] != pick.Avoid) return set.MembersArray[member];
            key = SplitMix.Mix(key + 1);
        }
        var any = (int)(key % (ulong)set.AvailableArray.Length);
        return set.AvailableArray[any] != pick.Avoid ? set.AvailableArray[any] : set.AvailableArray[(any + 1) % set.AvailableArray.Length];
    }

    private sealed record Built(Endpoint[] Members, MaglevTable Table);
}
