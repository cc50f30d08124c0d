namespace SkyRiff.Redis.Connections;

/// <summary>
/// The commands whose replies are owed, in the order of the stream. One writer at a time pushes (under the connection's write lock), one reader
/// pops; the bound is the connection's limit of commands in flight.
/// </summary>
internal sealed class InFlightRing
{
    private readonly PendingReply?[] _slots;
    private readonly int _mask;
    private long _head;
    private long _tail;

    public InFlightRing(int capacity)
    {
        if (!System.Numerics.BitOperations.IsPow2(capacity))
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "A power of two is needed.");
        _slots = new PendingReply?[capacity];
        _mask = capacity - 1;
    }

    public long Head => Volatile.Read(ref _head);

    public long Tail => Volatile.Read(ref _tail);

    public int Count => (int)(Tail - Head);

    public bool IsFull => Count == _slots.Length;

    public void Push(PendingReply command)
    {
        var tail = _tail;
        Volatile.Write(ref _slots[tail & _mask], command);
        Volatile.Write(ref _tail, tail + 1);
    }

    /// <summary>The command whose reply comes next; null when none is owed.</summary>
    public PendingReply? Peek() => _head == Tail ? null : Volatile.Read(ref _slots[_head & _mask]);

    public void Pop()
    {
        _slots[_head & _mask] = null;
        Volatile.Write(ref _head, _head + 1);
    }

    /// <summary>For sweeps: may already have been popped (null), never later than asked for.</summary>
    public PendingReply? At(long position) => Volatile.Read(ref _slots[position & _mask]);
}
