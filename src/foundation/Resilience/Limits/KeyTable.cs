using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SkyRiff.Resilience.Limits;

/// <summary>Something that is done to one key's state under its lock.</summary>
internal interface IStateChange<TState>
    where TState : struct
{
    void Apply(ref TState state);
}

/// <summary>
/// The store behind every <see cref="KeyedLimiter"/>: a power of two of shards, each a small open-addressed table (linear probing, at most
/// three quarters full) under a lock of one word.
/// <code>
///   shard = low bits of the key          slot = high bits of the key
///   [lock | used | table]  ->  [key state][key state][  -  ][key state] ...
/// </code>
/// An idle entry stays until a newcomer on the same probe path takes its slot, or the table is rebuilt with the live entries only (to grow,
/// and by <see cref="Sweep"/>), or, at the largest size, a clock hand passes. Tables stay below the large-object threshold for token buckets.
/// </summary>
internal sealed class KeyTable<TAlgorithm, TState> : KeyedLimiter
    where TAlgorithm : struct, ILimitAlgorithm<TState>
    where TState : struct
{
    private const int KeysPerShard = 3_072; // three quarters of 4,096 slots
    private const int ShardsMax = 65_536;
    private const int SlotsMin = 16;

    /// <summary>How many neighbours are compared when somebody must be forgotten.</summary>
    private const int EvictionWindow = 8;

    private readonly TAlgorithm _algorithm;
    private readonly Shard[] _shards;
    private readonly int _shardMask;
    private readonly int _slotsMax;
    private long _evicted;
    private int _hand;

    public KeyTable(TAlgorithm algorithm, KeyedLimiterOptions options)
    {
        if (options.KeysMax is < 16 or > 100_000_000) throw new ArgumentOutOfRangeException(nameof(options), options.KeysMax, "KeysMax is 16 to 100 million.");
        _algorithm = algorithm;
        var shards = Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)((options.KeysMax + KeysPerShard - 1) / KeysPerShard)), 1, ShardsMax);
        // Hashing spreads keys unevenly: a quarter more room keeps the fullest shard below its share of KeysMax.
        var keysPerShard = (long)options.KeysMax * 5 / 4 / shards;
        _slotsMax = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(SlotsMin, (keysPerShard * 4 / 3) + 1));
        _shards = new Shard[shards];
        _shardMask = shards - 1;
    }

    public override long Limit => _algorithm.Limit;

    public override int Shards => _shards.Length;

    public override long Evicted => Volatile.Read(ref _evicted);

    public override long BytesMax => _shards.Length * ((_slotsMax * (long)Unsafe.SizeOf<Entry>()) + Unsafe.SizeOf<Shard>());

    public override long Keys
    {
        get
        {
            long keys = 0;
            foreach (ref var shard in _shards.AsSpan()) keys += Volatile.Read(ref shard.Used);
            return keys;
        }
    }

    public override long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (ref var shard in _shards.AsSpan())
            {
                bytes += Unsafe.SizeOf<Shard>() + ((Volatile.Read(ref shard.Table)?.Length ?? 0) * (long)Unsafe.SizeOf<Entry>()) + Volatile.Read(ref shard.ExtraBytes);
            }
            return bytes;
        }
    }

    public override LimitDecision Take(LimitKey key, long cost, long now)
    {
        var hash = key.Value | (key.Value == 0 ? 1UL : 0); // zero marks a free slot
        ref var shard = ref ShardOf(hash);
        Enter(ref shard);
        try
        {
            ref var state = ref Find(ref shard, hash);
            if (Unsafe.IsNullRef(ref state))
            {
                if (cost == 0 || (ulong)cost > (ulong)_algorithm.Limit) return TakeFromNobody(cost, now);
                state = ref Add(ref shard, hash, now);
                if (Unsafe.IsNullRef(ref state)) return NoPlace();
            }
            var extra = _algorithm.ExtraBytes(state);
            var decision = _algorithm.Take(ref state, cost, now);
            shard.ExtraBytes += _algorithm.ExtraBytes(state) - extra;
            return decision;
        }
        finally
        {
            Leave(ref shard);
        }
    }

    public override void GiveBack(LimitKey key, long cost, long now)
    {
        var hash = key.Value | (key.Value == 0 ? 1UL : 0);
        ref var shard = ref ShardOf(hash);
        Enter(ref shard);
        try
        {
            ref var state = ref Find(ref shard, hash);
            if (!Unsafe.IsNullRef(ref state)) _algorithm.GiveBack(ref state, cost, now);
        }
        finally
        {
            Leave(ref shard);
        }
    }

    public override int Sweep(long now, int shards)
    {
        var forgotten = 0;
        for (var i = 0; i < Math.Min(shards, _shards.Length); i++)
        {
            ref var shard = ref _shards[Interlocked.Increment(ref _hand) & _shardMask];
            if (Volatile.Read(ref shard.Used) == 0) continue;
            Enter(ref shard);
            try
            {
                if (shard.Table is not { } table) continue;
                var live = Live(table, now);
                var slots = SlotsFor(live);
                if (live == shard.Used || (live > shard.Used / 2 && slots >= table.Length)) continue;
                forgotten += shard.Used - live;
                Rebuild(ref shard, slots, now);
            }
            finally
            {
                Leave(ref shard);
            }
        }
        return forgotten;
    }

    /// <summary>Takes only if the key is there; a stranger is answered like a new key and not remembered.</summary>
    internal LimitDecision TakeIfKnown(LimitKey key, long cost, long now)
    {
        var hash = key.Value | (key.Value == 0 ? 1UL : 0);
        ref var shard = ref ShardOf(hash);
        Enter(ref shard);
        try
        {
            ref var state = ref Find(ref shard, hash);
            return Unsafe.IsNullRef(ref state) ? TakeFromNobody(cost, now) : _algorithm.Take(ref state, cost, now);
        }
        finally
        {
            Leave(ref shard);
        }
    }

    /// <summary>Replaces what is remembered about the key.</summary>
    internal void Remember(LimitKey key, TState value, long now)
    {
        var hash = key.Value | (key.Value == 0 ? 1UL : 0);
        ref var shard = ref ShardOf(hash);
        Enter(ref shard);
        try
        {
            ref var state = ref Find(ref shard, hash);
            if (Unsafe.IsNullRef(ref state)) state = ref Add(ref shard, hash, now);
            if (!Unsafe.IsNullRef(ref state)) state = value;
        }
        finally
        {
            Leave(ref shard);
        }
    }

    /// <summary>Changes what is remembered about the key under its lock; a stranger gets a place. False when the table has none.</summary>
    internal bool TryChange<TChange>(LimitKey key, ref TChange change, long now)
        where TChange : struct, IStateChange<TState>, allows ref struct
    {
        var hash = key.Value | (key.Value == 0 ? 1UL : 0);
        ref var shard = ref ShardOf(hash);
        Enter(ref shard);
        try
        {
            ref var state = ref Find(ref shard, hash);
            if (Unsafe.IsNullRef(ref state)) state = ref Add(ref shard, hash, now);
            if (Unsafe.IsNullRef(ref state)) return false;
            change.Apply(ref state);
            return true;
        }
        finally
        {
            Leave(ref shard);
        }
    }

    private LimitDecision TakeFromNobody(long cost, long now)
    {
        var state = default(TState);
        return _algorithm.Take(ref state, cost, now);
    }

    private LimitDecision NoPlace() => LimitDecision.Refused(_algorithm.Limit, 0, 0, MonotonicClock.NanosecondsPerSecond);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Shard ShardOf(ulong hash) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_shards), (nuint)(hash & (uint)_shardMask));

    /// <summary>The state of the key, or a null reference. Needs the shard's lock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref TState Find(ref Shard shard, ulong hash)
    {
        var table = shard.Table;
        if (table is null) return ref Unsafe.NullRef<TState>();
        ref var first = ref MemoryMarshal.GetArrayDataReference(table);
        for (var slot = (uint)(hash >> 32) & shard.Mask; ; slot = (slot + 1) & shard.Mask)
        {
            ref var entry = ref Unsafe.Add(ref first, slot);
            if (entry.Key == hash) return ref entry.State;
            if (entry.Key == 0) return ref Unsafe.NullRef<TState>();
        }
    }

    /// <summary>A cleared state for a key that is not there; a null reference when nobody may be forgotten. Needs the shard's lock.</summary>
    private ref TState Add(ref Shard shard, ulong hash, long now)
    {
        if (shard.Table is null) Rebuild(ref shard, SlotsMin, now);
        while (true)
        {
            var table = shard.Table!;
            var slot = (uint)(hash >> 32) & shard.Mask;
            for (; table[slot].Key != 0; slot = (slot + 1) & shard.Mask)
            {
                // An idle entry on the probe path can be replaced in place: the path of every other key stays unbroken.
                if (_algorithm.IsIdle(table[slot].State, now)) return ref Replace(ref table[slot], hash);
            }
            if (shard.Used < RoomIn(table.Length))
            {
                shard.Used++;
                table[slot].Key = hash;
                return ref table[slot].State;
            }
            if (table.Length < _slotsMax) Rebuild(ref shard, SlotsFor(Live(table, now) + 1), now);
            else if (!TryForgetOne(ref shard, now)) return ref Unsafe.NullRef<TState>();
        }
    }

    /// <summary>Moves the clock hand over some keys and forgets the least important of them; false after a full turn without one that may be forgotten.</summary>
    private bool TryForgetOne(ref Shard shard, long now)
    {
        var table = shard.Table!;
        uint weakest = 0;
        var importance = long.MaxValue;
        for (int step = 0, compared = 0; step < table.Length && (compared < EvictionWindow || importance == long.MaxValue); step++)
        {
            shard.Hand = (shard.Hand + 1) & shard.Mask;
            ref var entry = ref table[shard.Hand];
            if (entry.Key == 0) continue;
            compared++;
            var other = _algorithm.IsIdle(entry.State, now) ? long.MinValue : _algorithm.Importance(entry.State, now);
            if (other < importance) (weakest, importance) = (shard.Hand, other);
        }
        if (importance == long.MaxValue) return false;
        if (importance != long.MinValue) Interlocked.Increment(ref _evicted);
        shard.ExtraBytes -= _algorithm.ExtraBytes(table[weakest].State);
        RemoveAt(table, weakest, shard.Mask);
        shard.Used--;
        return true;
    }

    /// <summary>Closes the gap, so that no probe path is broken (Knuth, volume 3, 6.4, algorithm R).</summary>
    private static void RemoveAt(Entry[] table, uint gap, uint mask)
    {
        for (var slot = (gap + 1) & mask; table[slot].Key != 0; slot = (slot + 1) & mask)
        {
            var home = (uint)(table[slot].Key >> 32) & mask;
            if (((slot - home) & mask) < ((slot - gap) & mask)) continue; // its home lies behind the gap: it is not looked for there
            table[gap] = table[slot];
            gap = slot;
        }
        table[gap] = default;
    }

    private ref TState Replace(ref Entry entry, ulong hash)
    {
        entry.Key = hash;
        _algorithm.Clear(ref entry.State);
        return ref entry.State;
    }

    private int Live(Entry[] table, long now)
    {
        var live = 0;
        foreach (ref var entry in table.AsSpan())
        {
            if (entry.Key != 0 && !_algorithm.IsIdle(entry.State, now)) live++;
        }
        return live;
    }

    private static int RoomIn(int slots) => slots / 4 * 3;

    // Half full after a rebuild, so that the next one is as many newcomers away.
    private int SlotsFor(int live) => live == 0 ? 0 : Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)live * 2), SlotsMin, _slotsMax);

    /// <summary>Moves the live entries into a new table of <paramref name="slots"/>; none for zero. Needs the shard's lock.</summary>
    private void Rebuild(ref Shard shard, int slots, long now)
    {
        var old = shard.Table;
        var table = slots == 0 ? null : new Entry[slots];
        var mask = (uint)Math.Max(0, slots - 1);
        var used = 0;
        long extra = 0;
        foreach (ref var entry in old.AsSpan())
        {
            if (entry.Key == 0 || _algorithm.IsIdle(entry.State, now)) continue;
            var slot = (uint)(entry.Key >> 32) & mask;
            while (table![slot].Key != 0) slot = (slot + 1) & mask;
            table[slot] = entry;
            extra += _algorithm.ExtraBytes(entry.State);
            used++;
        }
        (shard.Table, shard.Mask, shard.Used, shard.ExtraBytes, shard.Hand) = (table, mask, used, extra, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Enter(ref Shard shard)
    {
        if (Interlocked.CompareExchange(ref shard.Locked, 1, 0) != 0) EnterSlowly(ref shard);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void EnterSlowly(ref Shard shard)
    {
        var wait = default(SpinWait);
        do wait.SpinOnce(sleep1Threshold: -1); // never sleeps a whole millisecond: the lock is held for nanoseconds
        while (Volatile.Read(ref shard.Locked) != 0 || Interlocked.CompareExchange(ref shard.Locked, 1, 0) != 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Leave(ref Shard shard) => Volatile.Write(ref shard.Locked, 0);

    [StructLayout(LayoutKind.Auto)]
    private struct Entry
    {
        public ulong Key;
        public TState State;
    }

    // One cache line, so that two shards' locks never share one (but for the array's own alignment).
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Shard
    {
        public Entry[]? Table;
        public long ExtraBytes;
        public int Locked;
        public uint Mask;
        public int Used;
        public uint Hand;
    }
}
