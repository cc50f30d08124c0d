using System.Numerics;

namespace SkyRiff.Caching.Local;

/// <summary>
/// Finds the entries that have died without a timer each: hierarchical timing wheels (Varghese and Lauck, 1987). Five wheels of 64 slots; a slot of the
/// first is <see cref="TickMs"/> long, of each further one 64 times as long, so the last reaches beyond 34 years. Adding and removing are constant, and
/// so is advancing, per entry and level. An entry dies up to one tick late. Not thread-safe; time is whatever milliseconds the caller counts.
/// </summary>
internal sealed class TimerWheel
{
    /// <summary>Length of the shortest slot.</summary>
    public const int TickMs = 1024;

    private const int TickShift = 10;
    private const int Levels = 5;
    private const int SlotBits = 6;
    private const int Slots = 1 << SlotBits;

    /// <summary>Half a turn of the last wheel; who dies later is looked at again then.</summary>
    private const long FarthestTicks = 1L << ((Levels * SlotBits) - 1);

    /// <summary>Slot s of level l at [l * Slots + s]: the first entry of its list.</summary>
    private readonly LocalEntry?[] _slots = new LocalEntry?[Levels * Slots];
    private long _tick;

    public TimerWheel(long nowMs) => _tick = nowMs >> TickShift;

    public void Add(LocalEntry entry)
    {
        var slot = SlotOf(entry);
        var next = _slots[slot];
        entry.WheelPrevious = null;
        entry.WheelNext = next;
        next?.WheelPrevious = entry;
        _slots[slot] = entry;
        entry.WheelSlot = slot;
    }

    /// <summary>Harmless for an entry that is not in it.</summary>
    public void Remove(LocalEntry entry)
    {
        if (entry.WheelSlot < 0)
            return;
        if (entry.WheelPrevious is null)
            _slots[entry.WheelSlot] = entry.WheelNext;
        else
            entry.WheelPrevious.WheelNext = entry.WheelNext;
        entry.WheelNext?.WheelPrevious = entry.WheelPrevious;
        entry.WheelPrevious = entry.WheelNext = null;
        entry.WheelSlot = -1;
    }

    /// <summary>Takes out whoever is dead by now and adds them to <paramref name="dead"/>.</summary>
    public void Advance(long nowMs, List<LocalEntry> dead)
    {
        var target = nowMs >> TickShift;
        var before = _tick;
        if (target <= before)
            return;

        _tick = target;
        for (var level = 0; level < Levels; level++)
        {
            var shift = level * SlotBits;
            var passed = (target >> shift) - (before >> shift);
            if (passed == 0)
                break;
            for (var step = 1; step <= Math.Min(passed, Slots); step++)
                Empty((level * Slots) + (int)(((before >> shift) + step) & (Slots - 1)), nowMs, dead);
        }
    }

    /// <summary>The dead go out; the others were in a coarse slot and move to a finer one.</summary>
    private void Empty(int slot, long nowMs, List<LocalEntry> dead)
    {
        var entry = _slots[slot];
        _slots[slot] = null;
        while (entry is not null)
        {
            var next = entry.WheelNext;
            entry.WheelPrevious = entry.WheelNext = null;
            entry.WheelSlot = -1;
            if (entry.DeadAt <= nowMs)
                dead.Add(entry);
            else
                Add(entry);
            entry = next;
        }
    }

    private int SlotOf(LocalEntry entry)
    {
        // Rounded up, so that the slot is emptied when the entry is dead; at the earliest in the next tick. The level is that of the highest digit in
        // which then and now differ, so the slot comes up before the entry is due, and never a round late.
        var due = Math.Clamp((entry.DeadAt >> TickShift) + 1, _tick + 1, _tick + FarthestTicks);
        var level = Math.Min(Levels - 1, BitOperations.Log2((ulong)(due ^ _tick)) / SlotBits);
        return (level * Slots) + (int)((due >> (level * SlotBits)) & (Slots - 1));
    }
}
