namespace SkyRiff.Caching.Local;

/// <summary>
/// The memory that all families of a process share, bounded in bytes. Entries live in their families' tables; here is who decides which of them stay
/// (<see cref="ClockTinyLfu"/>), finds the dead (<see cref="TimerWheel"/>) and keeps the clock. Hits do not come here.
/// </summary>
internal sealed class LocalTier : IDisposable
{
    /// <summary>An entry may take this share of the tier at most; a larger one is refused.</summary>
    private const int LargestEntryShare = 16;

    private readonly Lock _lock = new();
    private readonly ClockTinyLfu _policy;
    private readonly TimerWheel _wheel;
    private readonly ITimer _timer;
    private readonly List<LocalEntry> _leaving = [];

    public LocalTier(long bytesMax, TimeProvider time)
    {
        BytesMax = bytesMax;
        Clock = new CoarseClock(time);
        _policy = new ClockTinyLfu(bytesMax);
        _wheel = new TimerWheel(Clock.NowMs);
        var step = TimeSpan.FromMilliseconds(CoarseClock.StepMs);
        _timer = time.CreateTimer(static tier => ((LocalTier)tier!).Tick(), this, step, step);
    }

    public CoarseClock Clock { get; }

    public long BytesMax { get; }

    public long Bytes
    {
        get
        {
            lock (_lock)
                return _policy.Weight;
        }
    }

    public int Count
    {
        get
        {
            lock (_lock)
                return _policy.Count;
        }
    }

    /// <summary>Spreads a hash code over 64 bits (SplitMix64's finalizer).</summary>
    public static ulong HashOf(int code, ulong seed)
    {
        var value = (uint)code + seed + 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    /// <summary>Whether an entry of that weight is taken in at all.</summary>
    public bool Fits(int weight) => weight <= BytesMax / LargestEntryShare;

    /// <summary>Takes in an entry that its family has listed; others may leave for it.</summary>
    public void Add(LocalEntry entry)
    {
        lock (_lock)
        {
            if (entry.IsGone)
                return;
            _wheel.Add(entry);
            _policy.Add(entry, _leaving);
            UnlistLeaving();
        }
    }

    /// <summary>Forgets an entry that its family has unlisted.</summary>
    public void Remove(LocalEntry entry)
    {
        lock (_lock)
        {
            // One that was unlisted before it came in is told by its mark.
            entry.IsGone = true;
            _policy.Remove(entry);
            _wheel.Remove(entry);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Tick()
    {
        var now = Clock.Advance();
        lock (_lock)
        {
            _wheel.Advance(now, _leaving);
            foreach (var dead in _leaving)
                _policy.Remove(dead);
            UnlistLeaving();
        }
    }

    private void UnlistLeaving()
    {
        foreach (var entry in _leaving)
        {
            _wheel.Remove(entry);
            entry.IsGone = true;
            entry.Unlist();
        }

        _leaving.Clear();
    }
}
