using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class DirectoryStoreTests(SharedPostgres shared) : DataTest(shared)
{
    protected override int ShardCount => 3;

    [Fact]
    public async Task The_first_start_writes_hash_placement_to_every_shard()
    {
        foreach (var shard in Map.Shards)
        {
            var stored = await new DirectoryStore(Map).ReadAsync(shard, Map.CommonUser, Ct);
            stored!.Version.ShouldBe(1);
            stored.ToBytes().ShouldBe(SlotDirectory.Hash(3).ToBytes());
        }
    }

    [Fact]
    public async Task A_published_version_reaches_other_processes_from_whichever_shard_they_ask()
    {
        await using var other = new ShardMap(Options);
        await new DirectoryStore(other).LoadAsync(Ct);
        var next = Map.Directory.Moved([7], 0);

        await new DirectoryStore(Map).PublishAsync(next, Ct);

        await using var refresh = new DirectoryRefresh(other, TimeProvider.System, Entropy.System, NullLogger<DirectoryRefresh>.Instance);
        await refresh.RefreshAsync(other.Shards[2], Ct);
        other.Directory.Version.ShouldBe(2);
        other.ShardOf(7).ShouldBe(new Shard(0));
    }

    [Fact]
    public async Task An_older_version_never_replaces_a_newer_one()
    {
        var first = Map.Directory;
        await new DirectoryStore(Map).PublishAsync(first.Moved([7], 0), Ct);

        Map.Adopt(first);

        Map.Directory.Version.ShouldBe(2);
        (await RunMigratorAsync(Options)).Version.ShouldBe(2);
    }

    [Fact]
    public async Task Of_two_who_write_one_version_the_second_is_refused()
    {
        var first = Map.Directory;
        await new DirectoryStore(Map).PublishAsync(first.Moved([7], 0), Ct);

        var refused = await Should.ThrowAsync<DataException>(() => new DirectoryStore(Map).PublishAsync(first.Moved([8], 0), Ct));

        refused.Message.ShouldContain("with another placement");
        Map.ShardOf(8).ShouldBe(new Shard(2));
    }

    [Fact]
    public async Task A_process_with_another_number_of_shards_is_refused()
    {
        var fewer = new DataOptions { ServiceUserPrefix = Options.ServiceUserPrefix, Shards = Options.Shards[..2] };
        await using var map = new ShardMap(fewer);

        var refused = await Should.ThrowAsync<DataException>(() => new DirectoryStore(map).LoadAsync(Ct));
        refused.Message.ShouldContain("is for 3 shards, but the options name 2");
        (await Should.ThrowAsync<DataException>(() => RunMigratorAsync(fewer))).Message.ShouldContain("never taken away");
        Should.Throw<InvalidOperationException>(() => map.ShardOf(0));
    }

    [Fact]
    public async Task An_appended_shard_joins_empty_and_no_slot_moves()
    {
        var appended = await Postgres.CreateShardsAsync(1);
        var more = new DataOptions { ServiceUserPrefix = Options.ServiceUserPrefix, Shards = [.. Options.Shards, appended.Shards[0]] };

        var directory = await RunMigratorAsync(more);

        (directory.Version, directory.ShardCount).ShouldBe((2L, 4));
        directory.SlotsOf(3).ShouldBeEmpty();
        directory.ShardOf(5).ShouldBe(SlotDirectory.Hash(3).ShardOf(5));
    }

    [Fact]
    public async Task A_shard_that_is_away_does_not_keep_the_directory_from_being_loaded()
    {
        var broken = new DataOptions { ServiceUserPrefix = Options.ServiceUserPrefix, Shards = [new ShardOptions { Primary = "Host=/nowhere;Database=none" }, .. Options.Shards[1..]] };
        await using var map = new ShardMap(broken);

        await new DirectoryStore(map).LoadAsync(Ct);

        map.Directory.Version.ShouldBe(1);
    }

    private static async Task<SlotDirectory> RunMigratorAsync(DataOptions options)
    {
        await using var map = new ShardMap(options);
        await new Migrator(map, NullLogger<Migrator>.Instance).RunAsync([[Migration("things", Schema)]], Ct);
        return map.Directory;
    }
}
