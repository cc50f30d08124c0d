namespace SkyRiff.Data;

/// <summary>A job to be put into the queue, in the transaction of the change that asks for it.</summary>
/// <param name="Id">The id of the thing that the job is about; one live job per id. Its slot must be on the session's shard.</param>
/// <param name="Kind">What a handler tells jobs apart by.</param>
/// <param name="Owner">Whose share of the workers it uses.</param>
/// <param name="Priority">Higher runs first, always: keep the number of levels small.</param>
/// <param name="Payload">JSON.</param>
public sealed record NewJob(long Id, string Kind, long Owner, short Priority, string Payload)
{
    /// <summary>How long after the database's now it may run first.</summary>
    public TimeSpan Delay { get; init; }
}

/// <summary>
/// One holding of one job. The fence is never given twice on a shard, and whatever ends the holding (finish, reschedule, supersede, the lease's end)
/// takes the fence from the row: to have the row's fence is to hold the job.
/// </summary>
public readonly record struct Lease(long Id, long Fence)
{
    public override string ToString() => $"job {Id} (fence {Fence})";
}

/// <summary>A job in the hands of one worker.</summary>
public sealed class LeasedJob
{
    private readonly Bell _bell = new();

    /// <summary>Where it was claimed; its row is there.</summary>
    public required Shard Shard { get; init; }

    /// <summary>What every transition needs as proof.</summary>
    public required Lease Lease { get; init; }

    /// <summary>The id of the thing that the job is about.</summary>
    public long Id => Lease.Id;

    public required string Kind { get; init; }

    public required long Owner { get; init; }

    public required short Priority { get; init; }

    /// <summary>1 at the first try; grows with each claim, and is given back where a reschedule does not count.</summary>
    public required int Attempt { get; init; }

    /// <summary>JSON.</summary>
    public required string Payload { get; init; }

    /// <summary>Why the last attempt ended, if there was one.</summary>
    public required string? LastError { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>By the database's clock, as of the claim; a runner's heartbeats push it on.</summary>
    public required DateTimeOffset LeasedUntil { get; init; }

    /// <summary>
    /// For a handler that holds its job while it waits for the outside: returns after <paramref name="delay"/>, or at once when somebody
    /// nudges the job (true). A nudge that came while nobody waited is not lost.
    /// </summary>
    public Task<bool> WaitAsync(TimeSpan delay, TimeProvider time, CancellationToken lost) => _bell.WaitAsync(delay, time, lost);

    internal void Nudge() => _bell.Ring();

    public override string ToString() => $"{Kind} {Lease} attempt {Attempt}";
}
