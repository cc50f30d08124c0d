namespace SkyRiff.Gateway.Lean;

/// <summary>What a <see cref="TimerWheel"/> holds: the links are in the thing itself, so arming allocates nothing.</summary>
internal abstract class Timed
{
    internal Timed? NextInSlot;
    internal Timed? PreviousInSlot;

    /// <summary>The tick of the wheel's slot it hangs in; the deadline may be later.</summary>
    internal long SlotTick = -1;

    /// <summary>Milliseconds of the loop's clock; 0 means none.</summary>
    public long Deadline { get; internal set; }

    /// <summary>The deadline has passed and was taken off.</summary>
    protected internal abstract void OnDeadline();
}

/// <summary>
/// Coarse deadlines, one per connection (Varghese and Lauck's hashed wheel). Moving a deadline later only writes a number: the entry is looked
/// at when its old slot comes round, and hung where it belongs then. So the many short steps of a request cost no list operation.
/// </summary>
internal sealed class TimerWheel
{
    /// <summary>Deadlines fire at most this late.</summary>
    public const int TickMilliseconds = 100;

    private const int SlotCount = 1024; // 102 s, longer deadlines go round again

    private readonly Timed?[] _slots = new Timed?[SlotCount];
    private long _tick;

    public TimerWheel(long now) => _tick = now / TickMilliseconds;

    /// <summary>Sets, moves or (with 0) clears the deadline.</summary>
    public void Set(Timed timed, long deadline)
    {
        timed.Deadline = deadline;
        if (deadline == 0) return; // stays hung until its slot comes round
        var tick = TickOf(deadline);
        if (timed.SlotTick >= 0)
        {
            if (timed.SlotTick <= tick) return;
            Unlink(timed);
        }
        Link(timed, tick);
    }

    /// <summary>Takes the entry off for good.</summary>
    public void Remove(Timed timed)
    {
        timed.Deadline = 0;
        if (timed.SlotTick >= 0) Unlink(timed);
    }

    public void Advance(long now)
    {
        var target = now / TickMilliseconds;
        while (_tick < target)
        {
            _tick++;
            // Every entry of this slot belongs to this tick (see Link), and none is hung into it while it is emptied.
            ref var slot = ref _slots[_tick & (SlotCount - 1)];
            while (slot is not null) Turn(slot, now);
        }
    }

    private void Turn(Timed timed, long now)
    {
        Unlink(timed);
        if (timed.Deadline == 0) return;
        var tick = TickOf(timed.Deadline);
        if (timed.Deadline > now && tick > _tick)
        {
            Link(timed, tick);
            return;
        }
        timed.Deadline = 0;
        timed.OnDeadline();
    }

    private static long TickOf(long deadline) => (deadline / TickMilliseconds) + 1;

    private void Link(Timed timed, long tick)
    {
        // One turn ahead at most: what is further is looked at once a turn.
        tick = Math.Clamp(tick, _tick + 1, _tick + SlotCount - 1);
        ref var slot = ref _slots[tick & (SlotCount - 1)];
        timed.SlotTick = tick;
        timed.NextInSlot = slot;
        timed.PreviousInSlot = null;
        if (slot is not null) slot.PreviousInSlot = timed;
        slot = timed;
    }

    private void Unlink(Timed timed)
    {
        if (timed.PreviousInSlot is null) _slots[timed.SlotTick & (SlotCount - 1)] = timed.NextInSlot;
        else timed.PreviousInSlot.NextInSlot = timed.NextInSlot;
        if (timed.NextInSlot is not null) timed.NextInSlot.PreviousInSlot = timed.PreviousInSlot;
        timed.NextInSlot = timed.PreviousInSlot = null;
        timed.SlotTick = -1;
    }
}
