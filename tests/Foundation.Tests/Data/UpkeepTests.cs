using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class UpkeepTests(SharedPostgres shared) : DataTest(shared)
{
    private Upkeep Loop => field ??= new Upkeep(Database, new UpkeepOptions { HistoryMonths = 2 }, TimeProvider.System, Entropy.System, NullLogger<Upkeep>.Instance);

    [Fact]
    public async Task Idempotency_keys_are_forgotten_after_two_days_and_handled_events_after_seven()
    {
        await SuperuserAsync("""
            INSERT INTO things.idempotency (owner, key, fingerprint, created_at) SELECT n, 'old', '', now() - interval '49 hours' FROM generate_series(1, 2500) n;
            INSERT INTO things.idempotency (owner, key, fingerprint, created_at) VALUES (1, 'young', '', now() - interval '47 hours');
            INSERT INTO things.inbox (consumer, event_id, handled_at) VALUES ('c', 1, now() - interval '8 days'), ('c', 2, now() - interval '6 days');
            """);

        await Loop.RunOnceAsync(Shard, Ct);

        (await CountAsync("idempotency WHERE key = 'old'")).ShouldBe(0);
        (await CountAsync("idempotency WHERE key = 'young'")).ShouldBe(1);
        (await CountAsync("inbox WHERE event_id = 1")).ShouldBe(0);
        (await CountAsync("inbox WHERE event_id = 2")).ShouldBe(1);
    }

    [Fact]
    public async Task Every_month_has_its_partition_before_it_begins_and_stray_rows_move_in()
    {
        var month = await DatabaseMonthAsync(0);
        var next = await DatabaseMonthAsync(1);
        await SuperuserAsync($"DROP TABLE things.jobs_history_{month}; DROP TABLE things.jobs_history_{next}");
        await SuperuserAsync("INSERT INTO things.jobs_history (id, kind, owner, priority, attempt, outcome, created_at) VALUES (1, 'stray', 1, 0, 1, 'done', now())");
        (await CountAsync("jobs_history_default")).ShouldBe(1);

        await Loop.RunOnceAsync(Shard, Ct);
        await Loop.RunOnceAsync(Shard, Ct);

        (await CountAsync("jobs_history_default")).ShouldBe(0);
        (await CountAsync($"jobs_history_{month}")).ShouldBe(1);
        (await CountAsync($"jobs_history_{next}")).ShouldBe(0);
        (await PartitionsAsync("jobs_history")).Length.ShouldBe(4); // three months and the default
    }

    [Fact]
    public async Task Old_months_of_a_history_are_dropped_whole_and_young_ones_stay()
    {
        var (old, young) = (await DatabaseMonthAsync(-3), await DatabaseMonthAsync(-1));
        foreach (var (name, from, to) in new[] { (old, -3, -2), (young, -1, 0) })
        {
            await SuperuserAsync($"""
                CREATE TABLE things.jobs_history_{name} PARTITION OF things.jobs_history FOR VALUES
                FROM ('{await MonthStartAsync(from)}') TO ('{await MonthStartAsync(to)}'); ALTER TABLE things.jobs_history_{name} OWNER TO skyriff
                """);
        }

        await Loop.RunOnceAsync(Shard, Ct);

        var left = await PartitionsAsync("jobs_history");
        left.ShouldNotContain($"jobs_history_{old}");
        left.ShouldContain($"jobs_history_{young}");
        left.ShouldContain("jobs_history_default");
    }

    [Fact]
    public async Task A_table_that_is_partitioned_by_id_gets_its_months_too_and_ids_fall_into_the_month_they_tell()
    {
        await new Migrator(Map, NullLogger<Migrator>.Instance).RunAsync([[Migration("things", Schema), Migration("things", """
            CREATE TABLE {schema}.works (id bigint PRIMARY KEY, title text NOT NULL) PARTITION BY RANGE (id);
            SELECT skyriff.ensure_months('{schema}.works', 0);
            """, 2)]], Ct);
        await Loop.RunOnceAsync(Shard, Ct);
        var id = await NewIdAsync(slot: 1023);

        await On(session => session.ExecuteAsync($"INSERT INTO things.works (id, title) VALUES ({id}, {"first"})", Ct));

        (await CountAsync($"works_{Id.TimeOf(id):'y'yyyy'm'MM}")).ShouldBe(1);
        (await PartitionsAsync("works")).Length.ShouldBe(3);
    }

    [Fact]
    public async Task A_month_can_be_asked_for_only_by_the_service_whose_table_it_is_and_only_histories_can_be_dropped()
    {
        await new Migrator(Map, NullLogger<Migrator>.Instance).RunAsync([[Migration("others", "SELECT 1")]], Ct);
        var others = new TestDatabase(Map, "others");

        var foreign = await Should.ThrowAsync<DataException>(() => others.PrimaryAsync(Shard, (session, token) =>
            session.ExecuteAsync($"SELECT skyriff.ensure_months(c.oid::regclass, 1) FROM pg_class c WHERE c.relname = 'jobs_history'", token), Ct));
        var noHistory = await Should.ThrowAsync<DataException>(() => On(session => session.ExecuteAsync($"SELECT skyriff.drop_months('things.jobs', now())", Ct)));

        foreign.Failure.ShouldBe(DataFailure.Denied);
        noHistory.Failure.ShouldBe(DataFailure.Denied);
    }

    private Task<string> SuperuserAsync(string sql) => Postgres.QueryAsync(Options.Shards[0].Primary.Split("Database=")[1], sql);

    private async Task<string> DatabaseMonthAsync(int offset) =>
        await SuperuserAsync($"""SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '{offset} months', '"y"YYYY"m"MM')""");

    private Task<string> MonthStartAsync(int offset) =>
        SuperuserAsync($"SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '{offset} months', 'YYYY-MM-DD') || ' 00:00:00+00'");

    private async Task<string[]> PartitionsAsync(string table) =>
        (await SuperuserAsync($"SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'things.{table}'::regclass")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
