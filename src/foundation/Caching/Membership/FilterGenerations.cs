namespace SkyRiff.Caching.Membership;

/// <summary>
/// Which filter answers and which is being filled. A question is denied only by a complete filter, and only while everything
/// that was announced is known to have arrived:
/// <code>
///   nothing known  --Begin-->  filling  --Complete-->  answering  --Begin-->  answering and filling  --Complete-->  answering (the new one)
///        ^______________________________ Distrust, from any state: announcements may have been missed
/// </code>
/// Adds go to both filters. All members may be called by any thread.
/// </summary>
internal sealed class FilterGenerations(TimeProvider time)
{
    private readonly Lock _lock = new();
    private Snapshot _snapshot = new(null, null);
    private long _heardUntil = long.MinValue;

    private sealed record Snapshot(SplitBlockFilter? Answering, SplitBlockFilter? Filling);

    public SplitBlockFilter? Answering => Volatile.Read(ref _snapshot).Answering;

    public SplitBlockFilter? Filling => Volatile.Read(ref _snapshot).Filling;

    /// <summary>Takes no lock and allocates nothing. The clock is looked at only where the answer would be no.</summary>
    public bool MayContain(ulong hash)
    {
        var filter = Volatile.Read(ref _snapshot).Answering;
        return filter is null || filter.MayContain(hash) || time.GetTimestamp() > Volatile.Read(ref _heardUntil);
    }

    public void Add(ulong hash)
    {
        var snapshot = Volatile.Read(ref _snapshot);
        snapshot.Answering?.Add(hash);
        snapshot.Filling?.Add(hash);
    }

    /// <summary>From here on adds go to this one too; whatever was being filled is given up.</summary>
    public SplitBlockFilter Begin(SplitBlockFilter filter)
    {
        lock (_lock)
            Volatile.Write(ref _snapshot, _snapshot with { Filling = filter });
        return filter;
    }

    /// <summary>The filter holds all there is and answers from now on; false when it was given up meanwhile.</summary>
    public bool Complete(SplitBlockFilter filter)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(_snapshot.Filling, filter))
                return false;
            Volatile.Write(ref _snapshot, new Snapshot(filter, null));
            return true;
        }
    }

    /// <summary>Announcements may have been missed: nothing is denied until a filter that is begun after this is complete.</summary>
    public void Distrust()
    {
        lock (_lock)
        {
            Volatile.Write(ref _heardUntil, long.MinValue);
            Volatile.Write(ref _snapshot, new Snapshot(null, null));
        }
    }

    /// <summary>Whatever was announced so long before <paramref name="until"/> (a timestamp of the clock) that it may not be denied is here.</summary>
    public void HeardUntil(long until) => Volatile.Write(ref _heardUntil, until);
}
