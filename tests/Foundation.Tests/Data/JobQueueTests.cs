using Shouldly;
using SkyRiff.Data;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class JobQueueTests(SharedPostgres shared) : DataTest(shared)
{
    private JobQueue Queue => new(Database, new JobQueueOptions { OwnerLeasesMax = 0 });

    [Fact]
    public async Task A_lost_lease_can_change_nothing()
    {
        var id = await EnqueueAsync();
        var first = (await Queue.ClaimAsync(Shard, "a", 1, Ct)).Single();
        await On(session => Queue.SupersedeAsync(session, id, TimeSpan.Zero, Ct));
        var second = (await Queue.ClaimAsync(Shard, "b", 1, Ct)).Single();
        second.Lease.Fence.ShouldBeGreaterThan(first.Lease.Fence);

        Func<SqlSession, Task>[] transitions =
        [
            session => Queue.VerifyAsync(session, first.Lease, Ct),
            session => Queue.RescheduleAsync(session, first.Lease, TimeSpan.Zero, true, "late", Ct),
            session => Queue.FinishAsync(session, first.Lease, "done", Ct),
            session => Queue.DeadLetterAsync(session, first.Lease, "late", Ct),
        ];
        foreach (var transition in transitions)
        {
            var refused = await Should.ThrowAsync<DataException>(() => On(async session =>
            {
                await session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({id})", Ct);
                await transition(session);
            }));
            refused.Failure.ShouldBe(DataFailure.LeaseLost);
        }
        (await On(session => session.ExecuteAsync($"INSERT INTO things.things (id) SELECT {id} WHERE {Queue.Holds(first.Lease)}", Ct))).ShouldBe(0);
        (await CountAsync("things")).ShouldBe(0);

        await On(session => Queue.FinishAsync(session, second.Lease, "done", Ct));
        (await CountAsync("jobs_history WHERE outcome = 'done'")).ShouldBe(1);
        (await CountAsync("jobs")).ShouldBe(0);
    }

    private async Task<long> EnqueueAsync(long owner = 1, short priority = 0)
    {
        var id = await NewIdAsync();
        await On(session => Queue.EnqueueAsync(session, new NewJob(id, "test", owner, priority, "{}"), Ct));
        return id;
    }
}
