namespace SkyRiff.Caching.Writing;

/// <summary>What happens to a change for which there is no room.</summary>
public enum WhenFull
{
    /// <summary>It is refused: <see cref="WriteBehind{TKey,TChange}.PutAsync"/> answers false and the caller decides.</summary>
    Refuse,

    /// <summary>It is written at once, by its caller, who waits for it and sees its failure.</summary>
    WriteThrough,
}

/// <summary>Limits of a <see cref="WriteBehind{TKey,TChange}"/>.</summary>
public sealed record WriteBehindOptions
{
    /// <summary>For logs.</summary>
    public required string Name { get; init; }

    /// <summary>How long a change may wait to be written, while writing works: what a crash loses. 1 ms to 10 min.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Keys per write, 1 to 100,000; so many waiting are written without waiting for <see cref="Delay"/>.</summary>
    public int BatchMax { get; init; } = 500;

    /// <summary>Keys with changes that are not written yet, those being written included; <see cref="BatchMax"/> to 10,000,000.</summary>
    public int KeysMax { get; init; } = 50_000;

    /// <summary>What happens beyond <see cref="KeysMax"/>. Further changes of a key that waits already need no room.</summary>
    public WhenFull WhenFull { get; init; } = WhenFull.Refuse;

    /// <summary>A write that takes longer is cancelled and counts as failed; 1 ms to 10 min.</summary>
    public TimeSpan WriteDurationMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Backoff after a failed write: full jitter below base * 2^failures, at most <see cref="RetryDelayMax"/>.</summary>
    public TimeSpan RetryDelayBase { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Ceiling of the backoff.</summary>
    public TimeSpan RetryDelayMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long disposing may take to write what is left; what is not written by then is lost, counted and logged. 0 to 10 min.</summary>
    public TimeSpan StopDurationMax { get; init; } = TimeSpan.FromSeconds(5);

    internal IEnumerable<string> Validate()
    {
        if (Delay < TimeSpan.FromMilliseconds(1) || Delay > TimeSpan.FromMinutes(10))
            yield return $"{nameof(Delay)} is {Delay}; 1 ms to 10 min are possible.";
        if (BatchMax is < 1 or > 100_000)
            yield return $"{nameof(BatchMax)} is {BatchMax}; 1 to 100000 are possible.";
        if (KeysMax < BatchMax || KeysMax > 10_000_000)
            yield return $"{nameof(KeysMax)} is {KeysMax}; {nameof(BatchMax)} ({BatchMax}) to 10000000 are possible.";
        if (WriteDurationMax < TimeSpan.FromMilliseconds(1) || WriteDurationMax > TimeSpan.FromMinutes(10))
            yield return $"{nameof(WriteDurationMax)} is {WriteDurationMax}; 1 ms to 10 min are possible.";
        if (RetryDelayBase <= TimeSpan.Zero || RetryDelayBase > RetryDelayMax)
            yield return $"{nameof(RetryDelayBase)} is {RetryDelayBase}; it lies between 0 and {nameof(RetryDelayMax)} ({RetryDelayMax}).";
        if (StopDurationMax < TimeSpan.Zero || StopDurationMax > TimeSpan.FromMinutes(10))
            yield return $"{nameof(StopDurationMax)} is {StopDurationMax}; 0 to 10 min are possible.";
    }
}

/// <summary>One write: the merged changes of some keys.</summary>
/// <param name="Id">The same when it is tried again, so that a writer that remembers ids in the transaction of the effect has it once.</param>
public sealed record WriteBatch<TKey, TChange>(long Id, IReadOnlyList<KeyValuePair<TKey, TChange>> Changes);

/// <summary>How a write-behind stands.</summary>
/// <param name="Waiting">Keys with changes that are not written.</param>
/// <param name="OldestAge">How long the oldest of them has waited: what would be lost now reaches back so far.</param>
/// <param name="Written">Keys written so far, once per batch they were in.</param>
/// <param name="Refused">Changes for which there was no room, or that came after the end.</param>
/// <param name="WrittenThrough">Changes that their callers wrote for want of room.</param>
/// <param name="Failures">Writes that failed and were tried again.</param>
/// <param name="Dropped">Keys whose changes were hopeless, or not written when it ended.</param>
public sealed record WriteBehindStatus(int Waiting, TimeSpan OldestAge, long Written, long Refused, long WrittenThrough, long Failures, long Dropped);
