using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>
/// Works a service's queue on all shards: claims while there is room, runs each job's handler, keeps the leases alive with one statement per shard and
/// interval, cancels what it can no longer prove to hold, retries with jittered backoff, and lays aside what fails for good. A job in hand costs a task and some bytes,
/// no thread and no connection.
/// </summary>
/// <remarks>
/// Stopping: claims end, handlers get <see cref="JobQueueOptions.StopGrace"/>, then their tokens are cancelled and the leases given back, so that another process goes on at once.
/// </remarks>
public sealed class JobRunner(
    JobQueue queue, IJobHandler handler, Wakeups wakeups, string worker, TimeProvider time, Entropy entropy, ILogger<JobRunner> logger)
    : SupervisedLoop(queue.Database.Service + " job runner", time, entropy, logger)
{
    /// <summary>A claim or a heartbeat that takes longer has failed: the other shards must not wait for a dead one.</summary>
    private static readonly TimeSpan StatementMax = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ShardRetryMax = TimeSpan.FromSeconds(15);

    private readonly HeldJobs _held = new(queue.Options.LeaseDuration, time);
    private readonly Bell _bell = new();
    private readonly Lane[] _lanes = [.. queue.Database.Map.Shards.Select(shard => new Lane(shard))];

    /// <summary>Jobs in hand now.</summary>
    public int InFlight => _held.Count;

    private JobQueueOptions Options => queue.Options;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var subscription = wakeups.Subscribe(queue.Channel, Heard);
        using var over = new CancellationTokenSource();
        var watches = _lanes.Select(lane => HeartbeatAsync(lane.Shard, over.Token)).Append(WatchDeadlinesAsync(over.Token)).ToList();
        var claiming = ClaimForeverAsync(stopping);
        try
        {
            await await Task.WhenAny([claiming, .. watches]);
        }
        finally
        {
            await GiveBackAsync();
            await over.CancelAsync();
            await Task.WhenAll([.. watches, claiming]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Heard(Shard shard, string payload)
    {
        if (long.TryParse(payload, out var id))
        {
            foreach (var job in _held.OfId(shard, id)) job.Nudge();
        }
        _lanes[shard.Number].Due = true;
        _bell.Ring();
    }

    private async Task ClaimForeverAsync(CancellationToken stopping)
    {
        var turn = 0;
        var polledAt = 0L;
        for (var first = true; !stopping.IsCancellationRequested; first = false)
        {
            if (first || Time.GetElapsedTime(polledAt) >= Options.PollInterval)
            {
                polledAt = Time.GetTimestamp();
                foreach (var lane in _lanes) await RescueAsync(lane, stopping);
            }
            turn++;
            for (var i = 0; i < _lanes.Length; i++) await ClaimAsync(_lanes[(turn + i) % _lanes.Length], stopping);
            if (_held.Count < Options.ConcurrencyMax && Array.Exists(_lanes, lane => lane.Due && lane.MayTry(Time))) continue;

            var untilPoll = Options.PollInterval - Time.GetElapsedTime(polledAt);
            if (untilPoll > TimeSpan.Zero) await _bell.WaitAsync(untilPoll, Time, stopping);
        }
    }

    private async Task RescueAsync(Lane lane, CancellationToken stopping)
    {
        if (!lane.MayTry(Time)) return;
        lane.Due = true;
        await TryAsync(lane, async token =>
        {
            var rescued = await queue.RescueAsync(lane.Shard, token);
            if (rescued > 0) Logger.LogWarning("{Loop} took back {Count} jobs of workers that ceased on {Shard}", Name, rescued, lane.Shard);
        }, stopping);
    }

    private async Task ClaimAsync(Lane lane, CancellationToken stopping)
    {
        var room = Math.Min(Options.ConcurrencyMax - _held.Count, Options.ClaimBatchMax);
        if (!lane.Due || room <= 0 || !lane.MayTry(Time)) return;
        lane.Due = false; // before the claim: what is announced during it is due again
        await TryAsync(lane, async token =>
        {
            var sentAt = Time.GetTimestamp();
            var jobs = await queue.ClaimAsync(lane.Shard, worker, room, token);
            if (jobs.Count == room) lane.Due = true;
            foreach (var job in jobs)
            {
                var held = _held.Add(job, sentAt);
                held.Running = HandleAsync(held);
            }
        }, stopping);
    }

    private async Task TryAsync(Lane lane, Func<CancellationToken, Task> statement, CancellationToken stopping)
    {
        using var limit = new CancellationTokenSource(StatementMax, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stopping);
        try
        {
            await statement(either.Token);
            lane.Failures = 0;
        }
        catch (Exception failure) when (failure is DataException || (failure is OperationCanceledException && !stopping.IsCancellationRequested))
        {
            lane.Failed(Time, Entropy.Backoff(Options.PollInterval, ShardRetryMax, lane.Failures));
            if (lane.Failures == 1) Logger.LogWarning("{Loop} cannot work on {Shard} and tries on: {Reason}", Name, lane.Shard, failure.Message);
        }
    }

    private async Task HandleAsync(HeldJobs.Held held)
    {
        await Task.Yield(); // the claiming loop goes on at once
        var job = held.Job;
        try
        {
            await handler.HandleAsync(job, held.Lost.Token);
            if (!held.Lost.IsCancellationRequested && !await RetryAsync(job, "The handler returned without ending its holding.", onlyIfHeld: true)) return;
        }
        catch (OperationCanceledException) when (held.Lost.IsCancellationRequested)
        {
            // lost, or stopping: whoever cancelled knows
        }
        catch (DataException failure) when (failure.Failure is DataFailure.LeaseLost)
        {
            Logger.LogInformation("{Job} was lost: {Reason}", job, failure.Message);
        }
        catch (Exception failure)
        {
            Logger.LogWarning(failure, "{Job} failed", job);
            await RetryAsync(job, $"{failure.GetType().Name}: {failure.Message}", onlyIfHeld: false);
        }
        finally
        {
            _held.Remove(held);
            held.End();
            if (Array.Exists(_lanes, lane => lane.Due)) _bell.Ring(); // there is room again
        }
    }

    /// <summary>Ends a failed attempt; true if the job was still ours. What cannot be written now is settled by the lease's end.</summary>
    private async Task<bool> RetryAsync(LeasedJob job, string error, bool onlyIfHeld)
    {
        try
        {
            await queue.Database.TransactAsync(job.Shard, async (session, token) =>
            {
                await queue.VerifyAsync(session, job.Lease, token);
                if (job.Attempt < Options.AttemptsMax)
                {
                    await queue.RescheduleAsync(session, job.Lease, Entropy.Backoff(Options.RetryDelayBase, Options.RetryDelayMax, job.Attempt), countAttempt: true, error, token);
                    return true;
                }
                await handler.ExhaustedAsync(session, job, error, token);
                await queue.DeadLetterAsync(session, job.Lease, error, token);
                return true;
            }, CancellationToken.None);
            if (onlyIfHeld) Logger.LogError("{Job}: {Error}", job, error);
            if (job.Attempt >= Options.AttemptsMax) Logger.LogError("{Job} is laid aside after its last attempt: {Error}", job, error);
            return true;
        }
        catch (DataException failure) when (failure.Failure is DataFailure.LeaseLost)
        {
            return false;
        }
        catch (Exception failure)
        {
            Logger.LogError(failure, "{Job} could not be put back; it comes back when its lease ends", job);
            return false;
        }
    }

    private async Task HeartbeatAsync(Shard shard, CancellationToken over)
    {
        while (true)
        {
            await Task.Delay(Options.HeartbeatInterval, Time, over);
            var leases = _held.Of(shard).Select(held => held.Job.Lease).ToList();
            if (leases.Count == 0) continue;
            using var limit = new CancellationTokenSource(StatementMax, Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, over);
            try
            {
                var sentAt = Time.GetTimestamp();
                var results = await queue.HeartbeatAsync(shard, leases, either.Token);
                foreach (var lost in _held.Answered(results, sentAt)) Cancel(lost, "is lost");
            }
            catch (Exception failure) when (failure is DataException || (failure is OperationCanceledException && !over.IsCancellationRequested))
            {
                Logger.LogWarning("{Loop}: a heartbeat for {Count} jobs on {Shard} failed: {Reason}", Name, leases.Count, shard, failure.Message);
            }
        }
    }

    /// <summary>Beside the heartbeats, which may hang: a lease that nobody could renew must end here before it ends there.</summary>
    private async Task WatchDeadlinesAsync(CancellationToken over)
    {
        while (true)
        {
            await Task.Delay(Options.LeaseDuration / 20, Time, over);
            foreach (var held in _held.Unprovable(Time.GetTimestamp())) Cancel(held, "can no longer be proved to be held");
        }
    }

    private void Cancel(HeldJobs.Held held, string why)
    {
        if (!held.End()) return;
        Logger.LogWarning("{Job} {Why}", held.Job, why);
        _ = held.Lost.CancelAsync(); // on the thread pool: what handlers registered must not hold up the watch over the others
    }

    /// <summary>The end of a run: grace for the handlers, then their leases go back with the attempt uncounted.</summary>
    private async Task GiveBackAsync()
    {
        var handlers = Task.WhenAll(_held.All().Select(held => held.Running));
        await Task.WhenAny(handlers, Task.Delay(Options.StopGrace, Time));
        var left = _held.All().Where(held => held.End()).ToList();
        foreach (var held in left) await held.Lost.CancelAsync();
        foreach (var lane in left.GroupBy(held => held.Job.Shard))
        {
            try
            {
                await queue.ReleaseAsync(lane.Key, [.. lane.Select(held => held.Job.Lease)], CancellationToken.None);
            }
            catch (DataException failure)
            {
                Logger.LogWarning("{Loop} could not give {Count} leases back on {Shard}; they end by themselves: {Reason}", Name, lane.Count(), lane.Key, failure.Message);
            }
        }
    }

    /// <summary>A shard as the claiming loop sees it.</summary>
    private sealed class Lane(Shard shard)
    {
        private volatile bool _due = true;
        private long _failedAt;
        private TimeSpan _pause;

        public Shard Shard { get; } = shard;

        public int Failures { get; set; }

        /// <summary>There may be something to claim.</summary>
        public bool Due
        {
            get => _due;
            set => _due = value;
        }

        public bool MayTry(TimeProvider time) => Failures == 0 || time.GetElapsedTime(_failedAt) >= _pause;

        public void Failed(TimeProvider time, TimeSpan pause) => (Failures, _failedAt, _pause) = (Failures + 1, time.GetTimestamp(), pause);
    }
}
