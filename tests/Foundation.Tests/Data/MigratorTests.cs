using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class MigratorTests(SharedPostgres shared) : DataTest(shared)
{
    protected override int ShardCount => 2;

    [Fact]
    public async Task A_second_run_changes_nothing() =>
        (await RunAsync(Migration("things", Schema))).ShouldBe(0);

    [Fact]
    public async Task Eight_processes_may_migrate_at_once()
    {
        Options = await Postgres.CreateShardsAsync(ShardCount);
        Migration[] migrations = [Migration("things", Schema), Migration("things", "CREATE TABLE {schema}.more (id bigint)", 2)];

        var applied = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => RunAsync(migrations)));

        applied.Sum().ShouldBe(2 * ShardCount);
    }

    [Fact]
    public async Task A_file_that_was_changed_after_it_was_applied_is_refused()
    {
        var refused = await Should.ThrowAsync<DataException>(() => RunAsync(Migration("things", Schema + "-- changed")));

        refused.Message.ShouldContain("things/0001_first was changed after it was applied");
    }

    [Fact]
    public async Task A_schema_that_is_newer_than_the_program_is_refused()
    {
        await RunAsync(Migration("things", Schema), Migration("things", "SELECT 1", 2));

        var refused = await Should.ThrowAsync<DataException>(() => RunAsync(Migration("things", Schema)));

        refused.Message.ShouldContain("made by a newer SkyRiff");
    }

    [Fact]
    public async Task A_file_that_fails_leaves_nothing_behind_and_can_be_put_right()
    {
        var failed = await Should.ThrowAsync<DataException>(() => RunAsync(
            Migration("things", Schema), Migration("things", "CREATE TABLE {schema}.half (id bigint); SELECT 1/0", 2, "halves")));
        failed.Message.ShouldContain("things/0002_halves failed on shard");

        (await RunAsync(Migration("things", Schema), Migration("things", "CREATE TABLE {schema}.half (id bigint)", 2, "halves"))).ShouldBe(ShardCount);
    }

    [Fact]
    public async Task A_service_can_read_its_own_tables_and_no_one_elses()
    {
        await new Migrator(Map, NullLogger<Migrator>.Instance).RunAsync(
            [[Migration("things", Schema)], [Migration("secrets", "CREATE TABLE {schema}.plans (id bigint)")]], Ct);
        var secrets = new TestDatabase(Map, "secrets");
        await secrets.PrimaryAsync(Shard, (session, token) => session.ExecuteAsync($"INSERT INTO secrets.plans VALUES ({1L})", token), Ct);

        foreach (var statement in new[] { "SELECT id FROM secrets.plans", "DELETE FROM secrets.plans", "CREATE TABLE things.mine (id bigint)", "SELECT checksum FROM skyriff.migrations", "UPDATE skyriff.directory SET version = 9" })
        {
            var denied = await Should.ThrowAsync<DataException>(
                () => Database.PrimaryAsync(Shard, (session, token) => session.ExecuteAsync($"{Sql.Splice(statement)}", token), Ct), statement);
            denied.Failure.ShouldBe(DataFailure.Denied, statement);
        }
    }

    private async Task<int> RunAsync(params Migration[] migrations)
    {
        await using var map = new ShardMap(Options);
        return await new Migrator(map, NullLogger<Migrator>.Instance).RunAsync([migrations], Ct);
    }
}
