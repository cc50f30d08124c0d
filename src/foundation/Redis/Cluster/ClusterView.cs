using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis.Cluster;

/// <summary>
/// The slot map with live nodes in it. Read by every command; replaced whole at a refresh. Between refreshes a MOVED reply corrects single slots in
/// place, which is safe because each is one reference.
/// </summary>
internal sealed class ClusterView
{
    private readonly Node?[] _primaryOf = new Node?[KeySlot.Count];
    private readonly Node[][] _replicasOf = new Node[KeySlot.Count][];

    public ClusterView(SlotMap map, Func<RedisEndpoint, Node> primary, Func<RedisEndpoint, Node> replica)
    {
        Map = map;
        var primaries = new List<Node>();
        foreach (var range in map.Ranges)
        {
            var node = primary(range.Primary);
            if (!primaries.Contains(node))
                primaries.Add(node);
            var replicas = range.Replicas.Select(replica).ToArray();
            for (var slot = range.First; slot <= range.Last; slot++)
            {
                _primaryOf[slot] = node;
                _replicasOf[slot] = replicas;
            }
        }

        Primaries = [.. primaries];
    }

    public SlotMap Map { get; }

    public IReadOnlyList<Node> Primaries { get; }

    public Node? PrimaryOf(int slot) => Volatile.Read(ref _primaryOf[slot]);

    public ReadOnlySpan<Node> ReplicasOf(int slot) => _replicasOf[slot];

    public void Correct(int slot, Node primary) => Volatile.Write(ref _primaryOf[slot], primary);
}
