using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

/// <summary>The server is killed and comes back, as after a power cut; what was committed is there, and the loops go on by themselves.</summary>
public sealed class CrashTests : IAsyncLifetime
{
    private static readonly CancellationToken Ct = CancellationToken.None;

    private PrivatePostgres _postgres = null!;
    private ShardMap _map = null!;
    private TestDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _postgres = await PrivatePostgres.StartAsync(durable: true);
        _map = new ShardMap(await _postgres.CreateShardsAsync(2));
        var text = Migration.Expand("things", "--: include jobs\n--: include outbox\nCREATE TABLE {schema}.done (id bigint, event bigint)");
        await new Migrator(_map, NullLogger<Migrator>.Instance).RunAsync([[new Migration("things", 1, "first", text)]], Ct);
        _database = new TestDatabase(_map, "things");
    }

    public async ValueTask DisposeAsync()
    {
        await _map.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    [Fact]
    public async Task A_killed_database_costs_no_job_and_no_event_and_nothing_has_to_be_restarted()
    {
        var queue = new JobQueue(_database, new JobQueueOptions
        {
            OwnerLeasesMax = 0,
            LeaseDuration = TimeSpan.FromSeconds(1),
            PollInterval = TimeSpan.FromMilliseconds(100),
            RetryDelayMax = TimeSpan.FromSeconds(1),
            AttemptsMax = 50,
        });
        await using var wakeups = new Wakeups(_map, TimeProvider.System, Entropy.System, NullLogger<Wakeups>.Instance);
        await using var runner = new JobRunner(queue, new Handler(_database, queue), wakeups, "worker", TimeProvider.System, Entropy.System, NullLogger<JobRunner>.Instance);
        var published = new ConcurrentDictionary<long, bool>();
        await using var relay = new OutboxRelay(_database, new Publisher(published), wakeups, new OutboxOptions { ClaimDuration = TimeSpan.FromSeconds(1), PollInterval = TimeSpan.FromMilliseconds(100) },
            TimeProvider.System, Entropy.System, NullLogger<OutboxRelay>.Instance);
        await wakeups.StartAsync(Ct);
        await runner.StartAsync(Ct);
        await relay.StartAsync(Ct);
        var committed = new ConcurrentBag<long>();

        for (var round = 0; round < 3; round++)
        {
            var enqueuing = Task.WhenAll(Enumerable.Range(round * 100, 100).Select(EnqueueAsync));
            if (round == 1) await _postgres.KillAsync();
            if (round == 1) await _postgres.StartServerAsync();
            await enqueuing;
        }

        committed.Count.ShouldBeGreaterThanOrEqualTo(200);
        await Eventually.TrueAsync(async () => await SumAsync("SELECT count(*) FROM things.jobs") == 0, "all jobs are done");
        await Eventually.TrueAsync(async () => await SumAsync("SELECT count(*) FROM things.outbox") == 0, "all events are published");
        (await SumAsync("SELECT count(*) - count(DISTINCT id) FROM things.done")).ShouldBe(0); // an effect that was committed twice would show here
        var all = await Task.WhenAll(_map.Shards.Select(shard => _database.PrimaryAsync(shard, (session, token) =>
            session.ListAsync($"SELECT id, event FROM things.done", row => (Id: row.Long(0), Event: row.Long(1)), token), Ct)));
        committed.ShouldBeSubsetOf(all.SelectMany(rows => rows).Select(row => row.Id));
        all.SelectMany(rows => rows).Select(row => row.Event).ShouldBeSubsetOf(published.Keys);

        async Task EnqueueAsync(int slot)
        {
            try
            {
                committed.Add(await _database.TransactAsync(slot, async (session, token) =>
                {
                    var id = await session.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Long(0), token);
                    await queue.EnqueueAsync(session, new NewJob(id, "test", slot, 0, "{}"), token);
                    return id;
                }, Ct));
            }
            catch (DataException failure) when (failure.IsTransient)
            {
                // the caller would repeat it, with its idempotency key
            }
        }
    }

    private async Task<long> SumAsync(string query)
    {
        var sum = 0L;
        foreach (var shard in _map.Shards) sum += await _database.PrimaryAsync(shard, (session, token) => session.SingleAsync($"{Sql.Splice(query)}", row => row.Long(0), token), Ct);
        return sum;
    }

    private sealed class Handler(TestDatabase database, JobQueue queue) : IJobHandler
    {
        public Task HandleAsync(LeasedJob job, CancellationToken lost) => database.TransactAsync(job.Shard, async (session, token) =>
        {
            await queue.VerifyAsync(session, job.Lease, token);
            var id = await Outbox.AppendAsync(session, "thing.done", job.Id, "{}", token);
            await session.ExecuteAsync($"INSERT INTO things.done (id, event) VALUES ({job.Id}, {id})", token);
            await queue.FinishAsync(session, job.Lease, "done", token);
        }, lost);
    }

    private sealed class Publisher(ConcurrentDictionary<long, bool> published) : IEventPublisher
    {
        public Task PublishAsync(EventEnvelope envelope, CancellationToken cancellationToken)
        {
            published[envelope.Id] = true;
            return Task.CompletedTask;
        }
    }
}
