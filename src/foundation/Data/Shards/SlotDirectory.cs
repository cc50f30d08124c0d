using System.Buffers.Binary;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Data;

/// <summary>
/// Which shard holds each of the 1,024 slots: an immutable, versioned map. Hash placement (slot mod shards) is the default; range and
/// explicit placement are the others. Pure: <see cref="ServiceDatabase"/> asks it on every call.
/// </summary>
public sealed class SlotDirectory
{
    private readonly short[] _shardOfSlot;

    private SlotDirectory(long version, short[] shardOfSlot, int shardCount) => (Version, _shardOfSlot, ShardCount) = (version, shardOfSlot, shardCount);

    /// <summary>Grows with every change; a process that holds an older one refreshes.</summary>
    public long Version { get; }

    public int ShardCount { get; }

    public int ShardOf(int slot) => _shardOfSlot[slot];

    public IEnumerable<int> SlotsOf(int shard)
    {
        for (var slot = 0; slot < Id.SlotCount; slot++)
        {
            if (_shardOfSlot[slot] == shard) yield return slot;
        }
    }

    /// <summary>Slot mod shards.</summary>
    public static SlotDirectory Hash(int shardCount, long version = 1) => Build(version, shardCount, slot => slot % shardCount);

    /// <summary>Contiguous ranges of equal size, to within one slot.</summary>
    public static SlotDirectory Range(int shardCount, long version = 1) => Build(version, shardCount, slot => (int)((long)slot * shardCount / Id.SlotCount));

    /// <summary>Any placement: one shard number per slot.</summary>
    public static SlotDirectory Explicit(long version, int shardCount, IReadOnlyList<int> shardOfSlot)
    {
        if (shardOfSlot.Count != Id.SlotCount) throw new ArgumentException($"A directory places all {Id.SlotCount} slots; {shardOfSlot.Count} were given.", nameof(shardOfSlot));
        return Build(version, shardCount, slot => shardOfSlot[slot]);
    }

    /// <summary>The next version, with <paramref name="slots"/> moved to <paramref name="shard"/>.</summary>
    public SlotDirectory Moved(IEnumerable<int> slots, int shard)
    {
        var moved = slots.ToHashSet();
        return Build(Version + 1, ShardCount, slot => moved.Contains(slot) ? shard : _shardOfSlot[slot]);
    }

    /// <summary>The next version for a deployment to which shards were appended; they hold nothing until slots are moved there.</summary>
    public SlotDirectory WithShards(int shardCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, ShardCount);
        return Build(Version + 1, shardCount, slot => _shardOfSlot[slot]);
    }

    /// <summary>The placement as stored: for each slot its shard's number, two bytes big-endian.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Id.SlotCount * sizeof(short)];
        for (var slot = 0; slot < Id.SlotCount; slot++) BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(slot * sizeof(short)), _shardOfSlot[slot]);
        return bytes;
    }

    /// <summary>Reads <see cref="ToBytes"/>'s form; anything else is refused.</summary>
    public static SlotDirectory FromBytes(long version, int shardCount, ReadOnlySpan<byte> placement)
    {
        if (placement.Length != Id.SlotCount * sizeof(short))
        {
            throw new DataException(DataFailure.Rejected, $"Version {version} of the directory is {placement.Length} bytes long; it is damaged.");
        }
        var shards = new int[Id.SlotCount];
        for (var slot = 0; slot < shards.Length; slot++) shards[slot] = BinaryPrimitives.ReadInt16BigEndian(placement[(slot * sizeof(short))..]);
        return Explicit(version, shardCount, shards);
    }

    private static SlotDirectory Build(long version, int shardCount, Func<int, int> place)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shardCount, Id.SlotCount);
        var map = new short[Id.SlotCount];
        for (var slot = 0; slot < map.Length; slot++)
        {
            var shard = place(slot);
            if (shard < 0 || shard >= shardCount) throw new ArgumentException($"Slot {slot} is placed on shard {shard}, but there are {shardCount}.", nameof(place));
            map[slot] = (short)shard;
        }
        return new SlotDirectory(version, map, shardCount);
    }
}
