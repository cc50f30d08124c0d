using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class OutboxTests(SharedPostgres shared) : DataTest(shared)
{
    private readonly List<IAsyncDisposable> _running = [];

    private OutboxOptions Tuned { get; } = new()
    {
        ClaimDuration = TimeSpan.FromSeconds(1),
        RetryDelayBase = TimeSpan.FromMilliseconds(1),
        RetryDelayMax = TimeSpan.FromMilliseconds(1),
        PollInterval = TimeSpan.FromMilliseconds(100),
        AttemptsMax = 3,
    };

    protected override int ShardCount => 2;

    public override async ValueTask DisposeAsync()
    {
        foreach (var loop in _running) await loop.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_is_lost_when_a_transaction_stays_open_while_others_commit()
    {
        var published = new ConcurrentDictionary<long, int>();
        await StartAsync(envelope => Count(published, envelope));
        var expected = new ConcurrentBag<long>();
        var opened = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var slow = On(async session =>
        {
            expected.Add(await Outbox.AppendAsync(session, "thing.made", key: 1, "{}", Ct));
            opened.SetResult();
            await release.Task;
        });
        await opened.Task;
        for (var i = 0; i < 50; i++) expected.Add(await AppendAsync(key: 100 + i));
        await Eventually.TrueAsync(() => published.Count == 50, "the quick ones are published while the slow one is open");

        release.SetResult();
        await slow;

        await Eventually.TrueAsync(() => published.Count == 51, "the slow one is published");
        published.Keys.ShouldBe(expected, ignoreOrder: true);
        published.Values.ShouldAllBe(times => times == 1);
    }

    [Fact]
    public async Task What_is_rolled_back_is_never_published()
    {
        var published = new ConcurrentDictionary<long, int>();
        await StartAsync(envelope => Count(published, envelope));
        await Should.ThrowAsync<InvalidOperationException>(() => On(async session =>
        {
            await Outbox.AppendAsync(session, "thing.made", 1, "{}", Ct);
            throw new InvalidOperationException("crash");
        }));

        var id = await AppendAsync(key: 1);

        await Eventually.TrueAsync(() => !published.IsEmpty, "the committed one is published");
        published.Keys.ShouldBe([id]);
    }

    [Fact]
    public async Task A_relay_killed_between_publishing_and_deleting_delivers_again_and_the_consumer_acts_once()
    {
        var consumer = new CountingConsumer(Database);
        var deliveries = 0;
        var killed = new CancellationTokenSource();
        var dying = Relay(new Publisher(async (envelope, token) =>
        {
            await new InProcessBus([consumer]).PublishAsync(envelope, token);
            Interlocked.Increment(ref deliveries);
            await killed.CancelAsync(); // delivered, and gone before the row is deleted
        }));
        var id = await AppendAsync(key: 1);
        await Should.ThrowAsync<OperationCanceledException>(() => dying.RelayOnceAsync(Shard, killed.Token));
        (await CountAsync("outbox")).ShouldBe(1);

        await StartAsync(async envelope =>
        {
            await new InProcessBus([consumer]).PublishAsync(envelope, Ct);
            Interlocked.Increment(ref deliveries);
        });

        await Eventually.TrueAsync(async () => await CountAsync("outbox") == 0, "the second relay takes over");
        deliveries.ShouldBe(2);
        (await CountAsync($"things WHERE id = {id} AND count = 1")).ShouldBe(1);
    }

    [Fact]
    public async Task Many_relays_publish_each_event_once()
    {
        var published = new ConcurrentDictionary<long, int>();
        for (var i = 0; i < 4; i++) await StartAsync(envelope => Count(published, envelope));

        var ids = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => AppendAsync(key: i % 40)));

        await Eventually.TrueAsync(async () => await CountAsync("outbox") == 0, "all are published");
        published.Keys.ShouldBe(ids, ignoreOrder: true);
        published.Values.ShouldAllBe(times => times == 1);
    }

    [Fact]
    public async Task Events_of_one_key_arrive_in_order_also_when_one_of_them_fails_at_first()
    {
        var arrived = new ConcurrentQueue<long>();
        var failed = new ConcurrentDictionary<long, bool>();
        for (var i = 0; i < 3; i++)
        {
            await StartAsync(envelope =>
            {
                if (envelope.Id % 3 == 0 && failed.TryAdd(envelope.Id, true)) throw new InvalidOperationException("not now");
                arrived.Enqueue(envelope.Id);
                return Task.CompletedTask;
            });
        }

        var ids = new List<long>();
        for (var i = 0; i < 40; i++) ids.Add(await AppendAsync(key: 5));

        await Eventually.TrueAsync(() => arrived.Count == 40, "all arrive");
        arrived.ShouldBe(ids);
    }

    [Fact]
    public async Task An_event_that_nobody_can_take_is_laid_aside_and_holds_up_its_own_key_only_until_then()
    {
        var arrived = new ConcurrentQueue<long>();
        var poison = await AppendAsync(key: 5);
        var behind = await AppendAsync(key: 5);
        var beside = await AppendAsync(key: 6);
        await StartAsync(envelope =>
        {
            if (envelope.Id == poison) throw new InvalidOperationException("poison");
            arrived.Enqueue(envelope.Id);
            return Task.CompletedTask;
        });

        await Eventually.TrueAsync(() => arrived.Count == 2, "the others arrive");

        arrived.ShouldBe([beside, behind]);
        (await CountAsync($"outbox_dead WHERE id = {poison} AND attempts = 3 AND last_error = 'InvalidOperationException: poison'")).ShouldBe(1);
    }

    [Fact]
    public async Task Ids_of_events_are_of_the_shard_they_were_written_on_whatever_they_are_about()
    {
        var aboutElsewhere = await AppendAsync(key: Id.Compose(Id.Epoch.AddDays(1), slot: 3, sequence: 0));
        var aboutHere = await AppendAsync(key: Id.Compose(Id.Epoch.AddDays(1), slot: 4, sequence: 0));

        Map.ShardOf(Id.SlotOf(aboutElsewhere)).ShouldBe(Shard);
        Id.SlotOf(aboutHere).ShouldBe(4);
    }

    [Fact]
    public async Task The_trace_of_the_change_travels_with_its_event()
    {
        var seen = new TaskCompletionSource<string?>();
        using var activity = new System.Diagnostics.Activity("change").SetIdFormat(System.Diagnostics.ActivityIdFormat.W3C).Start();
        await AppendAsync(key: 1);

        await StartAsync(envelope =>
        {
            seen.TrySetResult(envelope.TraceParent);
            return Task.CompletedTask;
        });

        (await Eventually.ResultAsync(seen.Task, "the event arrives")).ShouldBe(activity.Id);
    }

    private static Task Count(ConcurrentDictionary<long, int> published, EventEnvelope envelope)
    {
        published.AddOrUpdate(envelope.Id, 1, (_, times) => times + 1);
        return Task.CompletedTask;
    }

    private Task<long> AppendAsync(long key) => On(session => Outbox.AppendAsync(session, "thing.made", key, """{"n": 1}""", Ct));

    private OutboxRelay Relay(IEventPublisher publisher)
    {
        var wakeups = new Wakeups(Map, TimeProvider.System, Entropy.System, NullLogger<Wakeups>.Instance);
        var relay = new OutboxRelay(Database, publisher, wakeups, Tuned, TimeProvider.System, Entropy.System, NullLogger<OutboxRelay>.Instance);
        _running.Insert(0, wakeups);
        _running.Insert(0, relay);
        return relay;
    }

    private async Task StartAsync(Func<EventEnvelope, Task> publish)
    {
        var relay = Relay(new Publisher((envelope, _) => publish(envelope)));
        foreach (var loop in _running.Take(2).Cast<SkyRiff.Kernel.Loops.SupervisedLoop>()) await loop.StartAsync(Ct);
        relay.Name.ShouldBe("things outbox relay");
    }

    private sealed class Publisher(Func<EventEnvelope, CancellationToken, Task> publish) : IEventPublisher
    {
        public Task PublishAsync(EventEnvelope envelope, CancellationToken cancellationToken) => publish(envelope, cancellationToken);
    }

    private sealed class CountingConsumer(ServiceDatabase database) : IEventConsumer
    {
        public string Name => "counting";

        public IReadOnlySet<string> Topics { get; } = new HashSet<string> { "thing.made" };

        public Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken) => database.TransactAsync(0, async (session, token) =>
        {
            if (!await Inbox.FirstTimeAsync(session, Name, envelope.Id, token)) return;
            await session.ExecuteAsync($"INSERT INTO things.things (id, count) VALUES ({envelope.Id}, 1) ON CONFLICT (id) DO UPDATE SET count = things.count + 1", token);
        }, CancellationToken.None);
    }
}
