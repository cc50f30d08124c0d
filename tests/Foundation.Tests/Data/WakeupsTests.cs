using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class WakeupsTests(SharedPostgres shared) : DataTest(shared)
{
    protected override int ShardCount => 2;

    [Fact]
    public async Task Listening_is_taken_up_again_after_its_connections_were_cut_and_everyone_is_woken_once_for_what_was_missed()
    {
        var heard = new ConcurrentQueue<(int Shard, string Payload)>();
        await using var wakeups = new Wakeups(Map, TimeProvider.System, Entropy.Seeded(1), NullLogger<Wakeups>.Instance);
        using var subscription = wakeups.Subscribe("things_outbox", (shard, payload) => heard.Enqueue((shard.Number, payload)));
        await wakeups.StartAsync(Ct);
        await Eventually.TrueAsync(() => heard.Count == 2, "both shards are listened to");

        foreach (var shard in Options.Shards)
        {
            await Postgres.QueryAsync(shard.Primary.Split("Database=")[1], $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{Map.CommonUser} listening' AND datname = current_database()");
        }
        await Eventually.TrueAsync(() => heard.Count == 4, "both shards are listened to again");
        await Database.TransactAsync(1, (session, token) => Outbox.AppendAsync(session, "thing.made", 1, "{}", token), Ct);

        await Eventually.TrueAsync(() => heard.Count == 5, "the commit is heard");
        heard.Last().ShouldBe((1, ""));
    }

    [Fact]
    public async Task Whoever_subscribes_later_is_heard_too_and_whoever_leaves_no_more()
    {
        var (first, second) = (0, 0);
        await using var wakeups = new Wakeups(Map, TimeProvider.System, Entropy.Seeded(1), NullLogger<Wakeups>.Instance);
        await wakeups.StartAsync(Ct);
        using (wakeups.Subscribe("things_outbox", (_, _) => Interlocked.Increment(ref first)))
        {
            await Eventually.TrueAsync(() => first == 2, "the first one hears both shards");
        }

        using var subscription = wakeups.Subscribe("things_jobs", (_, _) => Interlocked.Increment(ref second));
        await Eventually.TrueAsync(() => second == 2, "the second one hears both shards");
        await Database.TransactAsync(0, async (session, token) =>
        {
            await Outbox.AppendAsync(session, "thing.made", 1, "{}", token);
            await new JobQueue(Database, new JobQueueOptions()).EnqueueAsync(session, new NewJob(5, "test", 1, 0, "{}"), token);
        }, Ct);

        await Eventually.TrueAsync(() => second == 3, "the second one hears the job");
        first.ShouldBe(2);
    }
}
