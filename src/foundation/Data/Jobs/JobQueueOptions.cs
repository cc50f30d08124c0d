namespace SkyRiff.Data;

/// <summary>Limits of one service's queue and of a process's runner for it.</summary>
public sealed class JobQueueOptions
{
    /// <summary>How long a claim is good without a heartbeat, 1 s to 10 min; a killed worker's jobs wait this long for the next one.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Jobs of one owner that may be leased at a time on all workers, 0 (no limit) to 1,000.</summary>
    public int OwnerLeasesMax { get; set; } = 4;

    /// <summary>Attempts before a job is given up, 1 to 100.</summary>
    public int AttemptsMax { get; set; } = 8;

    /// <summary>Backoff after a failed attempt: full jitter below base * 2^attempt, at most <see cref="RetryDelayMax"/>.</summary>
    public TimeSpan RetryDelayBase { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Ceiling of the backoff.</summary>
    public TimeSpan RetryDelayMax { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Jobs in hand per process, 1 to 10,000; at the limit nothing more is claimed.</summary>
    public int ConcurrencyMax { get; set; } = 1_000;

    /// <summary>Jobs per claim statement, 1 to 500.</summary>
    public int ClaimBatchMax { get; set; } = 32;

    /// <summary>How often the queue is looked at without being woken, 50 ms to 1 min: for delayed jobs, for dead workers' jobs, for lost notices.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long handlers may go on after stop was asked, 0 to 10 min; then their leases are given back.</summary>
    public TimeSpan StopGrace { get; set; } = TimeSpan.FromSeconds(10);

    internal JobQueueOptions With(int concurrencyMax)
    {
        var copy = (JobQueueOptions)MemberwiseClone();
        copy.ConcurrencyMax = concurrencyMax;
        return copy;
    }

    /// <summary>Three chances per lease.</summary>
    internal TimeSpan HeartbeatInterval => LeaseDuration / 3;

    /// <summary>Every mistake, not only the first.</summary>
    public IEnumerable<string> Validate()
    {
        if (LeaseDuration < TimeSpan.FromSeconds(1) || LeaseDuration > TimeSpan.FromMinutes(10)) yield return $"Jobs:LeaseDuration is {LeaseDuration}; 1 s to 10 min are possible.";
        if (OwnerLeasesMax is < 0 or > 1_000) yield return $"Jobs:OwnerLeasesMax is {OwnerLeasesMax}; 0 to 1000 are possible.";
        if (AttemptsMax is < 1 or > 100) yield return $"Jobs:AttemptsMax is {AttemptsMax}; 1 to 100 are possible.";
        if (RetryDelayBase <= TimeSpan.Zero || RetryDelayBase > RetryDelayMax) yield return $"Jobs:RetryDelayBase is {RetryDelayBase}; it lies between 0 and RetryDelayMax ({RetryDelayMax}).";
        if (ConcurrencyMax is < 1 or > 10_000) yield return $"Jobs:ConcurrencyMax is {ConcurrencyMax}; 1 to 10000 are possible.";
        if (ClaimBatchMax is < 1 or > 500) yield return $"Jobs:ClaimBatchMax is {ClaimBatchMax}; 1 to 500 are possible.";
        if (PollInterval < TimeSpan.FromMilliseconds(50) || PollInterval > TimeSpan.FromMinutes(1)) yield return $"Jobs:PollInterval is {PollInterval}; 50 ms to 1 min are possible.";
        if (StopGrace < TimeSpan.Zero || StopGrace > TimeSpan.FromMinutes(10)) yield return $"Jobs:StopGrace is {StopGrace}; 0 to 10 min are possible.";
    }
}
