using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Numerics;

namespace SkyRiff.Caching.Watching;

/// <summary>
/// Counts the invalidations of every key, in slots that keys share by hash: a number that moved means that the key may have been invalidated since. Whoever reads a
/// value takes the number first and keeps it with the value, so a reply that an invalidation overtook is recognised without any order between connections,
/// and hearing of one costs an addition, whatever is cached. Sharing a slot costs an unneeded read now and then.
/// </summary>
internal sealed class KeyVersions
{
    private readonly int[] _versions;
    private readonly ulong _seed;
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _waits = new();

    public KeyVersions(int slots, ulong seed)
    {
        _versions = new int[BitOperations.RoundUpToPowerOf2((uint)slots)];
        _seed = seed;
    }

    public int this[int slot] => Volatile.Read(ref _versions[slot]);

    public int SlotOf(ReadOnlySpan<byte> key)
    {
        var hash = _seed ^ (ulong)key.Length;
        while (key.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(key));
            key = key[sizeof(ulong)..];
        }

        var rest = 0UL;
        foreach (var value in key)
            rest = (rest << 8) | value;
        return (int)(Mix(hash ^ rest) & (ulong)(_versions.Length - 1));
    }

    /// <summary>Answers the new number.</summary>
    public int Move(int slot)
    {
        var version = Interlocked.Increment(ref _versions[slot]);
        if (!_waits.IsEmpty && _waits.TryRemove(slot, out var wait))
            wait.TrySetResult();
        return version;
    }

    /// <summary>Moves only from that number: false when somebody else's invalidation came between.</summary>
    public bool TryMove(int slot, int from) => Interlocked.CompareExchange(ref _versions[slot], from + 1, from) == from;

    /// <summary>Ends at the next move of the slot that comes from elsewhere.</summary>
    public Task MovedAsync(int slot) => _waits.GetOrAdd(slot, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Whoever waited for this is not interested any more; others who did look for themselves.</summary>
    public void StopWaiting(int slot, Task moved)
    {
        if (_waits.TryGetValue(slot, out var wait) && ReferenceEquals(wait.Task, moved))
            _waits.TryRemove(KeyValuePair.Create(slot, wait));
    }

    private static ulong Mix(ulong value)
    {
        value *= 0x9E3779B97F4A7C15;
        value ^= value >> 32;
        value *= 0xD6E8FEB86659FD93;
        return value ^ (value >> 29);
    }
}
