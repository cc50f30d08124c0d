namespace SkyRiff.Data;

/// <summary>What a service does with its jobs.</summary>
public interface IJobHandler
{
    /// <summary>
    /// Works on one job, and ends the holding itself, in the transaction of what it changes (<see cref="JobQueue.FinishAsync"/>, <see cref="JobQueue.RescheduleAsync"/>,
    /// <see cref="JobQueue.DeadLetterAsync"/>). Throwing means: again after a backoff. Returning without having ended the holding counts as throwing.
    /// <paramref name="lost"/> is cancelled when the lease is lost, when it can no longer be proved, or when the process stops for good: whatever is begun then, leave it.
    /// </summary>
    Task HandleAsync(LeasedJob job, CancellationToken lost);

    /// <summary>
    /// The job failed in all its attempts and is about to be laid aside: the last chance to settle its subject (release a hold, mark it failed). Runs in the
    /// transaction of the dead letter; if it throws, the job is not laid aside but tried again later.
    /// </summary>
    Task ExhaustedAsync(SqlSession session, LeasedJob job, string error, CancellationToken cancellationToken) => Task.CompletedTask;
}
