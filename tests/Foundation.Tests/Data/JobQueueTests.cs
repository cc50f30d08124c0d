using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class JobQueueTests(SharedPostgres shared) : DataTest(shared)
{
    private JobQueue Queue => field ??= new JobQueue(Database, new JobQueueOptions { OwnerLeasesMax = 0, LeaseDuration = TimeSpan.FromSeconds(1) });

    [Fact]
    public async Task A_lost_lease_can_change_nothing()
    {
        var id = await EnqueueAsync();
        var first = await ClaimOneAsync("a");
        await On(session => Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct));
        var second = await ClaimOneAsync("b");
        second.Lease.Fence.ShouldBeGreaterThan(first.Lease.Fence);

        await EveryTransitionShouldBeRefusedAsync(first.Lease);

        await On(session => Queue.FinishAsync(session, second.Lease, "done", Ct));
        (await CountAsync("jobs_history WHERE outcome = 'done'")).ShouldBe(1);
        (await CountAsync("jobs")).ShouldBe(0);
    }

    [Fact]
    public async Task A_worker_that_slept_past_its_lease_wakes_up_powerless()
    {
        await EnqueueAsync();
        var sleeper = await ClaimOneAsync("sleeper");

        await Eventually.TrueAsync(async () => await Queue.RescueAsync(Shard, Ct) == 1, "the lease of a worker without heartbeats ends");
        await EveryTransitionShouldBeRefusedAsync(sleeper.Lease);
        var heir = await ClaimOneAsync("heir");

        heir.Id.ShouldBe(sleeper.Id);
        heir.Attempt.ShouldBe(2);
        heir.LastError.ShouldBe("The lease of sleeper ended.");
        (await Queue.HeartbeatAsync(Shard, [sleeper.Lease, heir.Lease], Ct)).ShouldBe(
            new Dictionary<Lease, HeartbeatResult> { [sleeper.Lease] = HeartbeatResult.Lost, [heir.Lease] = HeartbeatResult.Renewed }, ignoreOrder: true);
        await EveryTransitionShouldBeRefusedAsync(sleeper.Lease);
        await On(session => Queue.VerifyAsync(session, heir.Lease, Ct));
    }

    [Fact]
    public async Task A_lease_of_a_former_life_is_powerless_over_the_same_id()
    {
        var id = await EnqueueAsync();
        var former = await ClaimOneAsync("a");
        await On(async session =>
        {
            var lease = await Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct);
            await Queue.DeadLetterAsync(session, lease!.Value, "gone", Ct);
        });
        await On(session => Queue.ReplayAsync(session, id, Ct));
        (await ClaimOneAsync("b")).Id.ShouldBe(id);

        await EveryTransitionShouldBeRefusedAsync(former.Lease);
    }

    [Fact]
    public async Task A_heartbeat_keeps_a_lease_alive()
    {
        await EnqueueAsync();
        var job = await ClaimOneAsync("a");
        await Database.PrimaryAsync(Shard, (session, token) => session.ExecuteAsync($"UPDATE things.jobs SET leased_until = now() - interval '1 minute'", token), Ct);

        (await Queue.HeartbeatAsync(Shard, [job.Lease], Ct))[job.Lease].ShouldBe(HeartbeatResult.Renewed);

        (await Queue.RescueAsync(Shard, Ct)).ShouldBe(0);
    }

    [Fact]
    public async Task A_heartbeat_passes_over_a_job_whose_row_is_locked()
    {
        await EnqueueAsync();
        await EnqueueAsync();
        var jobs = await Queue.ClaimAsync(Shard, "a", 2, Ct);

        await On(async session =>
        {
            await Queue.VerifyAsync(session, jobs[0].Lease, Ct);
            var results = await Queue.HeartbeatAsync(Shard, [jobs[0].Lease, jobs[1].Lease], Ct);
            results[jobs[0].Lease].ShouldBe(HeartbeatResult.Busy);
            results[jobs[1].Lease].ShouldBe(HeartbeatResult.Renewed);
        });
    }

    [Fact]
    public async Task Two_workers_never_hold_one_job()
    {
        for (var i = 0; i < 200; i++) await EnqueueAsync(owner: i);

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            var mine = new List<LeasedJob>();
            while (true)
            {
                var jobs = await Queue.ClaimAsync(Shard, $"worker {worker}", 3, Ct);
                if (jobs.Count == 0) return mine;
                mine.AddRange(jobs);
            }
        }));

        var all = claims.SelectMany(jobs => jobs).ToList();
        all.Count.ShouldBe(200);
        all.Select(job => job.Id).Distinct().Count().ShouldBe(200);
        all.Select(job => job.Lease.Fence).Distinct().Count().ShouldBe(200);
    }

    [Fact]
    public async Task Claims_go_by_priority_then_turn_so_that_a_hundred_jobs_of_one_owner_do_not_starve_another()
    {
        for (var i = 0; i < 100; i++) await EnqueueAsync(owner: 1);
        var modest = await EnqueueAsync(owner: 2);
        var urgent = await EnqueueAsync(owner: 3, priority: 5);

        var order = await Queue.ClaimAsync(Shard, "a", 4, Ct);

        order.Select(job => job.Owner).ShouldBe([1, 1, 2, 3], ignoreOrder: true);
        order.ShouldContain(job => job.Id == urgent);
        order.ShouldContain(job => job.Id == modest);
    }

    [Fact]
    public async Task An_owner_never_has_more_leases_than_allowed_however_many_claim_at_once()
    {
        var queue = new JobQueue(Database, new JobQueueOptions { OwnerLeasesMax = 3 });
        for (var i = 0; i < 60; i++) await EnqueueAsync(owner: i % 2);
        List<LeasedJob> claimed = [];
        for (var round = 0; round < 25; round++)
        {
            await queue.ReleaseAsync(Shard, [.. claimed.Select(job => job.Lease)], Ct);

            claimed = (await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => queue.ClaimAsync(Shard, $"worker {worker}", 1, Ct)))).SelectMany(jobs => jobs).ToList();

            claimed.CountBy(job => job.Owner).ShouldBe([new(0, 3), new(1, 3)], ignoreOrder: true);
        }

        await On(session => queue.FinishAsync(session, claimed[0].Lease, "done", Ct));
        (await queue.ClaimAsync(Shard, "next", 10, Ct)).Single().Owner.ShouldBe(claimed[0].Owner);
    }

    [Fact]
    public async Task An_owner_at_the_limit_does_not_hide_the_others_behind_him()
    {
        var queue = new JobQueue(Database, new JobQueueOptions { OwnerLeasesMax = 1 });
        for (var i = 0; i < 20; i++) await EnqueueAsync(owner: 1, priority: 9);
        var other = await EnqueueAsync(owner: 2);

        var claimed = await queue.ClaimAsync(Shard, "a", 4, Ct);

        claimed.Count.ShouldBe(2);
        claimed.ShouldContain(job => job.Id == other);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public async Task A_queue_for_one_kind_claims_only_that_kind_however_many_others_stand_before_it(int ownerLeasesMax)
    {
        var queue = new JobQueue(Database, new JobQueueOptions { OwnerLeasesMax = ownerLeasesMax });
        for (var i = 0; i < 20; i++) await EnqueueAsync(owner: i, priority: 9);
        var id = await NewIdAsync();
        await On(session => queue.EnqueueAsync(session, new NewJob(id, "rare", 1, 0, "{}"), Ct));

        (await queue.For("rare", 1).ClaimAsync(Shard, "a", 5, Ct)).ShouldHaveSingleItem().Id.ShouldBe(id);
        (await queue.ClaimAsync(Shard, "a", 50, Ct)).Count.ShouldBe(20);
    }

    [Fact]
    public async Task A_delayed_job_is_claimed_when_its_time_has_come_or_when_it_is_nudged()
    {
        var id = await NewIdAsync();
        await On(session => Queue.EnqueueAsync(session, new NewJob(id, "test", 1, 0, "{}") { Delay = TimeSpan.FromHours(1) }, Ct));
        (await Queue.ClaimAsync(Shard, "a", 1, Ct)).ShouldBeEmpty();

        (await On(session => Queue.NudgeAsync(session, id, Ct))).ShouldBeTrue();

        (await ClaimOneAsync("a")).Id.ShouldBe(id);
        (await On(session => Queue.NudgeAsync(session, id + 1, Ct))).ShouldBeFalse();
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task A_rescheduled_job_comes_again_and_its_attempt_counts_only_if_it_was_a_failure(bool countAttempt, int nextAttempt)
    {
        await EnqueueAsync();
        var job = await ClaimOneAsync("a");

        await On(session => Queue.RescheduleAsync(session, job.Lease, TimeSpan.Zero, countAttempt, "upstream said no", Ct));

        var again = await ClaimOneAsync("b");
        again.Attempt.ShouldBe(nextAttempt);
        again.LastError.ShouldBe("upstream said no");
        await EveryTransitionShouldBeRefusedAsync(job.Lease);
    }

    [Fact]
    public async Task A_dead_job_keeps_its_payload_and_can_be_replayed()
    {
        var id = await NewIdAsync();
        await On(session => Queue.EnqueueAsync(session, new NewJob(id, "test", 1, 3, """{"a": 1}"""), Ct));
        var job = await ClaimOneAsync("a");

        await On(session => Queue.DeadLetterAsync(session, job.Lease, "hopeless", Ct));
        (await Queue.ClaimAsync(Shard, "a", 1, Ct)).ShouldBeEmpty();
        (await CountAsync("jobs_dead WHERE last_error = 'hopeless'")).ShouldBe(1);

        (await On(session => Queue.ReplayAsync(session, id, Ct))).ShouldBeTrue();
        (await On(session => Queue.ReplayAsync(session, id, Ct))).ShouldBeFalse();
        var again = await ClaimOneAsync("b");
        (again.Attempt, again.Priority, again.Payload).ShouldBe((1, (short)3, """{"a": 1}"""));
    }

    [Fact]
    public async Task Whoever_supersedes_a_job_may_finish_it_in_the_same_transaction()
    {
        var id = await EnqueueAsync();
        var holder = await ClaimOneAsync("a");

        await On(async session =>
        {
            var lease = await Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct);
            await Queue.FinishAsync(session, lease!.Value, "cancelled", Ct);
        });

        await EveryTransitionShouldBeRefusedAsync(holder.Lease);
        (await CountAsync("jobs_history WHERE outcome = 'cancelled'")).ShouldBe(1);
        (await On(session => Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct))).ShouldBeNull();
    }

    [Fact]
    public async Task Whoever_superseded_a_job_is_powerless_once_it_was_claimed_anew()
    {
        var id = await EnqueueAsync();
        var ours = await On(session => Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct));

        await ClaimOneAsync("a");

        await EveryTransitionShouldBeRefusedAsync(ours!.Value);
    }

    [Fact]
    public async Task A_transition_is_undone_with_its_transaction()
    {
        await EnqueueAsync();
        var job = await ClaimOneAsync("a");

        await Should.ThrowAsync<InvalidOperationException>(() => On(async session =>
        {
            await Queue.FinishAsync(session, job.Lease, "done", Ct);
            throw new InvalidOperationException("the domain's change failed");
        }));

        await On(session => Queue.FinishAsync(session, job.Lease, "done after all", Ct));
        (await CountAsync("jobs_history")).ShouldBe(1);
    }

    [Fact]
    public async Task A_live_id_is_refused_a_second_time()
    {
        var id = await EnqueueAsync();

        var refused = await Should.ThrowAsync<DataException>(() => On(session => Queue.EnqueueAsync(session, new NewJob(id, "test", 1, 0, "{}"), Ct)));

        (refused.Failure, refused.Constraint).ShouldBe((DataFailure.Duplicate, "jobs_pkey"));
    }

    [Fact]
    public async Task Released_leases_are_claimable_at_once_and_the_attempt_is_not_counted()
    {
        await EnqueueAsync();
        var job = await ClaimOneAsync("stopping");

        (await Queue.ReleaseAsync(Shard, [job.Lease, new Lease(job.Id, -1)], Ct)).ShouldBe(1);

        (await ClaimOneAsync("other")).Attempt.ShouldBe(1);
        await EveryTransitionShouldBeRefusedAsync(job.Lease);
    }

    [Fact]
    public async Task Finished_jobs_lie_in_the_partition_of_their_month()
    {
        await EnqueueAsync();
        var job = await ClaimOneAsync("a");
        await On(session => Queue.FinishAsync(session, job.Lease, "done", Ct));

        (await CountAsync("jobs_history_default")).ShouldBe(0);
        var month = Id.TimeOf(job.Id).ToString("'jobs_history_y'yyyy'm'MM");
        (await CountAsync(month)).ShouldBe(1);
    }

    private async Task EveryTransitionShouldBeRefusedAsync(Lease lost)
    {
        var before = await CountAsync("things");
        Func<SqlSession, Task>[] transitions =
        [
            session => Queue.VerifyAsync(session, lost, Ct),
            session => Queue.RescheduleAsync(session, lost, TimeSpan.Zero, true, "late", Ct),
            session => Queue.FinishAsync(session, lost, "late", Ct),
            session => Queue.DeadLetterAsync(session, lost, "late", Ct),
        ];
        foreach (var transition in transitions)
        {
            var refused = await Should.ThrowAsync<DataException>(() => On(async session =>
            {
                await session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({lost.Id})", Ct);
                await transition(session);
            }));
            refused.Failure.ShouldBe(DataFailure.LeaseLost);
        }
        (await On(session => session.ExecuteAsync($"INSERT INTO things.things (id) SELECT {lost.Id} WHERE {Queue.Holds(lost)}", Ct))).ShouldBe(0);
        (await CountAsync("things")).ShouldBe(before);
    }

    private async Task<LeasedJob> ClaimOneAsync(string worker) => (await Queue.ClaimAsync(Shard, worker, 1, Ct)).ShouldHaveSingleItem();

    private async Task<long> EnqueueAsync(long owner = 1, short priority = 0)
    {
        var id = await NewIdAsync();
        await On(session => Queue.EnqueueAsync(session, new NewJob(id, "test", owner, priority, "{}"), Ct));
        return id;
    }
}
