using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class JobRunnerTests(SharedPostgres shared) : DataTest(shared)
{
    private readonly List<IAsyncDisposable> _running = [];

    protected override int ShardCount => 3;

    private JobQueueOptions Tuned { get; } = new()
    {
        OwnerLeasesMax = 0,
        LeaseDuration = TimeSpan.FromSeconds(1),
        RetryDelayBase = TimeSpan.FromMilliseconds(1),
        RetryDelayMax = TimeSpan.FromMilliseconds(1),
        PollInterval = TimeSpan.FromMilliseconds(100),
        StopGrace = TimeSpan.FromMilliseconds(50),
        AttemptsMax = 3,
    };

    private JobQueue Queue => field ??= new JobQueue(Database, Tuned);

    public override async ValueTask DisposeAsync()
    {
        foreach (var loop in _running) await loop.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Jobs_of_all_shards_are_handled_once_each()
    {
        var handled = new ConcurrentBag<long>();
        await StartAsync(async (job, _) =>
        {
            handled.Add(job.Id);
            await FinishAsync(job);
        });
        await StartAsync(async (job, _) =>
        {
            handled.Add(job.Id);
            await FinishAsync(job);
        });

        var ids = await Task.WhenAll(Enumerable.Range(0, 90).Select(EnqueueAsync));

        await Eventually.TrueAsync(() => handled.Count >= ids.Length, "all jobs are handled");
        await LiveJobsAsync(0);
        handled.ShouldBe(ids, ignoreOrder: true);
    }

    [Fact]
    public async Task A_waiting_runner_is_woken_by_the_commit()
    {
        Tuned.PollInterval = TimeSpan.FromMinutes(1);
        var handled = new TaskCompletionSource<long>();
        await StartAsync(async (job, _) =>
        {
            await FinishAsync(job);
            handled.SetResult(job.Id);
        });
        await ListeningAsync();

        var id = await EnqueueAsync(1);

        (await Eventually.ResultAsync(handled.Task, "the runner hears of the job")).ShouldBe(id);
    }

    [Fact]
    public async Task A_job_that_fails_is_tried_again_until_it_is_laid_aside_together_with_its_last_word()
    {
        var attempts = new ConcurrentQueue<int>();
        await StartAsync(
            (job, _) =>
            {
                attempts.Enqueue(job.Attempt);
                throw new InvalidOperationException("cannot");
            },
            (session, job, error, token) => session.ExecuteAsync($"INSERT INTO things.things (id, name) VALUES ({job.Id}, {error})", token));

        await EnqueueAsync(0);

        await Eventually.TrueAsync(async () => await CountAsync("jobs_dead") == 1, "the job is laid aside");
        attempts.ShouldBe([1, 2, 3]);
        (await CountAsync("things WHERE name = 'InvalidOperationException: cannot'")).ShouldBe(1);
    }

    [Fact]
    public async Task A_handler_that_forgets_to_end_its_holding_is_a_failure()
    {
        var attempts = 0;
        await StartAsync((_, _) =>
        {
            Interlocked.Increment(ref attempts);
            return Task.CompletedTask;
        });

        await EnqueueAsync(0);

        await Eventually.TrueAsync(async () => await CountAsync("jobs_dead WHERE last_error LIKE '%without ending%'") == 1, "the job is laid aside");
        attempts.ShouldBe(3);
    }

    [Fact]
    public async Task A_long_job_outlives_its_first_lease_by_heartbeats()
    {
        var release = new TaskCompletionSource();
        var claims = 0;
        await StartAsync(async (job, lost) =>
        {
            Interlocked.Increment(ref claims);
            await release.Task.WaitAsync(lost);
            await FinishAsync(job);
        });
        await EnqueueAsync(0);
        var until = TimeSpan.FromSeconds(2.5);
        await Eventually.TrueAsync(async () => await CountAsync("jobs WHERE leased_until > created_at + interval '3 seconds'") == 1, $"heartbeats push the lease on by {until}");

        release.SetResult();

        await LiveJobsAsync(0);
        claims.ShouldBe(1);
    }

    [Fact]
    public async Task A_superseded_job_is_cancelled_at_its_holder()
    {
        var cancelled = new TaskCompletionSource<bool>();
        var begun = new TaskCompletionSource<bool>();
        await StartAsync(async (_, lost) =>
        {
            begun.TrySetResult(true);
            try
            {
                await Task.Delay(Timeout.Infinite, lost);
            }
            finally
            {
                cancelled.TrySetResult(lost.IsCancellationRequested);
            }
        });
        var id = await EnqueueAsync(0);
        await Eventually.ResultAsync(begun.Task, "the handler begins");

        await On(async session =>
        {
            var lease = await Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct);
            await Queue.FinishAsync(session, lease!.Value, "cancelled", Ct);
        });

        (await Eventually.ResultAsync(cancelled.Task, "the holder is told")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_nudge_ends_the_wait_of_a_handler_that_holds_its_job()
    {
        var woken = new TaskCompletionSource<bool>();
        var begun = new TaskCompletionSource<bool>();
        await StartAsync(async (job, lost) =>
        {
            begun.TrySetResult(true);
            woken.TrySetResult(await job.WaitAsync(TimeSpan.FromMinutes(5), TimeProvider.System, lost));
            await FinishAsync(job);
        });
        await ListeningAsync();
        var id = await EnqueueAsync(2);
        await Eventually.ResultAsync(begun.Task, "the handler begins");

        await Database.TransactAsync(2, (session, token) => Queue.NudgeAsync(session, id, token), Ct);

        (await Eventually.ResultAsync(woken.Task, "the nudge arrives")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_runner_that_cannot_renew_cancels_its_jobs_before_their_leases_end()
    {
        var cancelled = new TaskCompletionSource<DateTimeOffset>();
        var begun = new TaskCompletionSource<bool>();
        await StartAsync(async (_, lost) =>
        {
            begun.TrySetResult(true);
            await Task.Delay(Timeout.Infinite, lost).ContinueWith(_ => cancelled.TrySetResult(TimeProvider.System.GetUtcNow()), TaskScheduler.Default);
            lost.ThrowIfCancellationRequested();
        });
        await EnqueueAsync(0);

        await Eventually.ResultAsync(begun.Task, "the handler begins");

        // A transaction of somebody's holds the row, so no heartbeat can renew it.
        await Database.TransactAsync(Shard, async (session, token) =>
        {
            await session.ListAsync($"SELECT id FROM things.jobs FOR UPDATE", row => row.Long(0), token);
            var leasedUntil = await session.SingleAsync($"SELECT leased_until FROM things.jobs", row => row.Time(0), token);
            (await Eventually.ResultAsync(cancelled.Task, "the job is cancelled")).ShouldBeLessThan(leasedUntil);
            return true;
        }, Ct);
    }

    [Fact]
    public async Task A_stopping_runner_gives_its_jobs_back_untried()
    {
        var begun = new TaskCompletionSource<bool>();
        var runner = await StartAsync(async (_, lost) =>
        {
            begun.TrySetResult(true);
            await Task.Delay(Timeout.Infinite, lost);
        });
        await EnqueueAsync(0);
        await Eventually.ResultAsync(begun.Task, "the handler begins");

        await runner.StopAsync(Ct);

        (await CountAsync("jobs WHERE leased_by IS NULL AND attempt = 0")).ShouldBe(1);
        runner.InFlight.ShouldBe(0);
    }

    [Fact]
    public async Task No_more_jobs_are_in_hand_than_allowed()
    {
        Tuned.ConcurrencyMax = 5;
        Tuned.ClaimBatchMax = 3;
        var (now, most, counting) = (0, 0, new Lock());
        var gate = new SemaphoreSlim(0);
        var runner = await StartAsync(async (job, lost) =>
        {
            lock (counting) most = Math.Max(most, ++now);
            await gate.WaitAsync(lost);
            lock (counting) now--;
            await FinishAsync(job);
        });
        await Task.WhenAll(Enumerable.Range(0, 30).Select(EnqueueAsync));
        await Eventually.TrueAsync(() => now == 5 && runner.InFlight == 5, "the runner is full");

        gate.Release(30);

        await LiveJobsAsync(0);
        most.ShouldBe(5);
    }

    [Fact]
    public async Task A_position_counts_the_own_shard_exactly_and_the_others_as_last_seen()
    {
        var view = new QueueView(Queue, TimeProvider.System, Entropy.System, NullLogger<QueueView>.Instance);
        _running.Add(view);
        foreach (var slot in new[] { 0, 1, 1, 2 }) await EnqueueAsync(slot, owner: slot, priority: 5);
        var ids = new List<long>();
        for (var i = 0; i < 3; i++) ids.Add(await EnqueueAsync(0, owner: 77, priority: 1));
        foreach (var shard in Map.Shards) await view.RefreshAsync(shard, Ct);

        var positions = await view.PositionsAsync(0, [.. ids, 12345], Ct);

        positions.Keys.ShouldBe(ids, ignoreOrder: true);
        ids.Select(id => positions[id].Ahead).ShouldBe([4, 5, 6]);
        view.Depths.Select(depth => depth.Waiting).ShouldBe([4, 2, 1]);
        view.Ahead(priority: 1, turn: 1).ShouldBe(5 + 1);
        var claimed = (await Queue.ClaimAsync(Map.Shards[0], "a", 2, Ct)).Select(job => job.Id).ToList();
        (await view.PositionsAsync(0, claimed, Ct)).Values.ShouldAllBe(position => position.Running && position.Ahead == 0);
    }

    private async Task<JobRunner> StartAsync(
        Func<LeasedJob, CancellationToken, Task> handle, Func<SqlSession, LeasedJob, string, CancellationToken, Task>? exhausted = null)
    {
        var wakeups = new Wakeups(Map, TimeProvider.System, Entropy.System, NullLogger<Wakeups>.Instance);
        var runner = new JobRunner(Queue, new Handler(handle, exhausted), wakeups, $"worker {_running.Count}", TimeProvider.System, Entropy.System, NullLogger<JobRunner>.Instance);
        await wakeups.StartAsync(Ct);
        await runner.StartAsync(Ct);
        _running.Insert(0, wakeups);
        _running.Insert(0, runner);
        return runner;
    }

    private async Task ListeningAsync()
    {
        foreach (var shard in Options.Shards)
        {
            var database = shard.Primary.Split("Database=")[1];
            await Eventually.TrueAsync(
                async () => await Postgres.QueryAsync("postgres", $"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'LISTEN%'") != "0", "the runner listens");
        }
    }

    private Task FinishAsync(LeasedJob job) =>
        Database.TransactAsync(job.Shard, (session, token) => Queue.FinishAsync(session, job.Lease, "done", token), Ct);

    private Task LiveJobsAsync(int count) => Eventually.TrueAsync(async () =>
    {
        var live = 0L;
        foreach (var shard in Map.Shards) live += await Database.PrimaryAsync(shard, (session, token) => session.SingleAsync($"SELECT count(*) FROM things.jobs", row => row.Long(0), token), Ct);
        return live == count;
    }, $"{count} jobs are left");

    private Task<long> EnqueueAsync(int slot) => EnqueueAsync(slot, owner: slot, priority: 0);

    private Task<long> EnqueueAsync(int slot, long owner, short priority) => Database.TransactAsync(slot, async (session, token) =>
    {
        var id = await session.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Long(0), token);
        await Queue.EnqueueAsync(session, new NewJob(id, "test", owner, priority, "{}"), token);
        return id;
    }, Ct);

    private sealed class Handler(Func<LeasedJob, CancellationToken, Task> handle, Func<SqlSession, LeasedJob, string, CancellationToken, Task>? exhausted) : IJobHandler
    {
        public Task HandleAsync(LeasedJob job, CancellationToken lost) => handle(job, lost);

        public Task ExhaustedAsync(SqlSession session, LeasedJob job, string error, CancellationToken cancellationToken) =>
            exhausted?.Invoke(session, job, error, cancellationToken) ?? Task.CompletedTask;
    }
}
