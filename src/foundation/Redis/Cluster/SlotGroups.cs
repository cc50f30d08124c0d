using System.Buffers;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Cluster;

/// <summary>Positions of many keys, grouped by slot and in their order within a group; one group when nothing is hashed. Pure; arrays are pooled.</summary>
internal readonly struct SlotGroups : IDisposable
{
    private readonly int[] _positions;
    private readonly int[] _starts;

    private SlotGroups(int[] positions, int[] starts, int count) => (_positions, _starts, Count) = (positions, starts, count);

    public int Count { get; }

    public ReadOnlySpan<int> this[int group] => _positions.AsSpan(_starts[group], _starts[group + 1] - _starts[group]);

    public static SlotGroups Of(ReadOnlySpan<RedisArg> keys, bool hashesKeys)
    {
        var positions = ArrayPool<int>.Shared.Rent(keys.Length);
        var starts = ArrayPool<int>.Shared.Rent(keys.Length + 1);
        starts[0] = 0;
        for (var index = 0; index < keys.Length; index++)
            positions[index] = index;
        if (!hashesKeys)
        {
            starts[1] = keys.Length;
            return new SlotGroups(positions, starts, 1);
        }

        // Slot in the upper half, position in the lower: one sort groups the slots and keeps the order inside each.
        var sortable = ArrayPool<long>.Shared.Rent(keys.Length);
        var command = new CommandBuffer { HashesKeys = true };
        for (var index = 0; index < keys.Length; index++)
        {
            command.Clear();
            command.Key(keys[index]);
            sortable[index] = ((long)command.Slot << 32) | (uint)index;
        }

        Array.Sort(sortable, 0, keys.Length);
        var count = 0;
        for (var index = 0; index < keys.Length; index++)
        {
            positions[index] = (int)sortable[index];
            if (index > 0 && sortable[index] >> 32 != sortable[index - 1] >> 32)
                starts[++count] = index;
        }

        starts[++count] = keys.Length;
        ArrayPool<long>.Shared.Return(sortable);
        return new SlotGroups(positions, starts, count);
    }

    public void Dispose()
    {
        ArrayPool<int>.Shared.Return(_positions);
        ArrayPool<int>.Shared.Return(_starts);
    }
}
