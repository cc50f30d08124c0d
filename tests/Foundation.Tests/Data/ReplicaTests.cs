using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

/// <summary>A primary and a real streaming replica of it.</summary>
public sealed class ReplicatedPostgres : IAsyncLifetime
{
    public PrivatePostgres Primary { get; private set; } = null!;

    public PrivatePostgres Replica { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Primary = await PrivatePostgres.StartAsync();
        Replica = await Primary.StartReplicaAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Replica.DisposeAsync();
        await Primary.DisposeAsync();
    }
}

public sealed class ReplicaTests(ReplicatedPostgres servers) : IClassFixture<ReplicatedPostgres>, IAsyncLifetime
{
    private static readonly CancellationToken Ct = CancellationToken.None;

    private readonly PrivatePostgres _primary = servers.Primary;
    private readonly PrivatePostgres _replica = servers.Replica;
    private ShardMap _map = null!;
    private TestDatabase _database = null!;
    private ReplicaWatch _watch = null!;

    public async ValueTask InitializeAsync()
    {
        var options = await _primary.CreateShardsAsync(1);
        await using (var map = new ShardMap(options))
        {
            await new Migrator(map, NullLogger<Migrator>.Instance).RunAsync([[new Migration("things", 1, "first", "CREATE TABLE things.things (id bigint PRIMARY KEY, slot integer)")]], Ct);
        }
        options.Shards[0].Replicas.Add(options.Shards[0].Primary.Replace(_primary.Folder, _replica.Folder));
        _map = new ShardMap(options);
        await new DirectoryStore(_map).LoadAsync(Ct);
        _database = new TestDatabase(_map, "things");
        _watch = new ReplicaWatch(_map, TimeProvider.System, Entropy.System, NullLogger<ReplicaWatch>.Instance);
        await _watch.StartAsync(Ct);
        await Eventually.TrueAsync(async () => await OnReplicaAsync(slot: 500), "the replica comes into rotation");
    }

    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync();
        await _map.DisposeAsync();
        if (!_replica.IsRunning) await _replica.StartServerAsync();
        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_resume()");
    }

    [Fact]
    public async Task Whoever_wrote_reads_what_he_wrote_also_while_the_replica_is_held_up()
    {
        await WriteAsync(id: 1, slot: 1);
        await Eventually.TrueAsync(() => OnReplicaAsync(slot: 1), "the replica passes the write");
        (await ReadAsync(slot: 1)).ShouldBe([1]);

        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_pause()");
        await WriteAsync(id: 2, slot: 1);

        (await OnReplicaAsync(slot: 1)).ShouldBeFalse();
        (await ReadAsync(slot: 1)).ShouldBe([1, 2]);
        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_resume()");
        await Eventually.TrueAsync(() => OnReplicaAsync(slot: 1), "the replica passes the write and comes back");
        (await ReadAsync(slot: 1)).ShouldBe([1, 2]);
    }

    [Fact]
    public async Task Two_hundred_writes_are_each_seen_at_once_wherever_the_read_goes()
    {
        var onReplica = 0;
        for (var i = 0; i < 200; i++)
        {
            await WriteAsync(id: i, slot: i % 5);
            (await ReadAsync(slot: i % 5)).ShouldContain(i);
            if (await OnReplicaAsync(slot: 900)) onReplica++;
        }

        onReplica.ShouldBeGreaterThan(0); // those who wrote nothing are served there all the time
    }

    [Fact]
    public async Task A_fence_taken_in_one_process_holds_in_another()
    {
        var other = new TestDatabase(_map, "things");
        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_pause()");
        await WriteAsync(id: 1, slot: 1);
        ReadFence.TryParse(_database.FenceOf(1).ToString(), out var fence).ShouldBeTrue();

        (await other.ReadAsync(1, fence, ReadAllAsync, Ct)).ShouldBe([1]);

        // The fence is what does it: without one this other process, which wrote nothing, is served by the replica.
        other.FenceOf(1).ShouldBe(ReadFence.None);
        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_resume()");
        await Eventually.TrueAsync(() => OnReplicaAsync(slot: 900), "the replica comes back");
        _map.RotationOf(_map.Shards[0])!.Pick(fence.Position + (1L << 40)).ShouldBeNull();
    }

    [Fact]
    public async Task A_replica_that_lags_leaves_rotation_and_comes_back_when_it_has_caught_up()
    {
        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_pause()");
        await WriteAsync(id: 1, slot: 1);

        await Eventually.TrueAsync(async () => !await OnReplicaAsync(slot: 900), "the lagging replica leaves rotation also for those who wrote nothing");
        (_map.RotationOf(_map.Shards[0])!.LagOf(0) > ReplicaRotation.LagMax).ShouldBeTrue();

        await _replica.QueryAsync("postgres", "SELECT pg_wal_replay_resume()");
        await Eventually.TrueAsync(() => OnReplicaAsync(slot: 900), "the replica comes back");
    }

    [Fact]
    public async Task A_dead_replica_costs_no_failed_read_and_comes_back_when_it_lives_again()
    {
        await _replica.KillAsync();

        for (var i = 0; i < 20; i++) (await OnReplicaAsync(slot: i)).ShouldBeFalse();

        await _replica.StartServerAsync();
        await Eventually.TrueAsync(() => OnReplicaAsync(slot: 900), "the replica comes back");
    }

    [Fact]
    public async Task A_read_session_refuses_to_write_wherever_it_is()
    {
        await Should.ThrowAsync<DataException>(() => _database.ReadAsync(900, (session, token) => session.ExecuteAsync($"INSERT INTO things.things VALUES (1, 1)", token), Ct));

        await _replica.KillAsync();
        await Should.ThrowAsync<InvalidOperationException>(() => _database.ReadAsync(900, (session, token) => session.ExecuteAsync($"INSERT INTO things.things VALUES (2, 1)", token), Ct));
    }

    private Task<bool> OnReplicaAsync(int slot) =>
        _database.ReadAsync(slot, (session, token) => session.SingleAsync($"SELECT pg_is_in_recovery()", row => row.Bool(0), token), Ct);

    private Task<List<long>> ReadAsync(int slot) => _database.ReadAsync(slot, ReadAllAsync, Ct);

    private static Task<List<long>> ReadAllAsync(SqlSession session, CancellationToken cancellationToken) =>
        session.ListAsync($"SELECT id FROM things.things ORDER BY id", row => row.Long(0), cancellationToken);

    private Task<int> WriteAsync(long id, int slot) => _database.TransactAsync(slot, (session, token) => session.ExecuteAsync($"INSERT INTO things.things VALUES ({id}, {slot})", token), Ct);
}
