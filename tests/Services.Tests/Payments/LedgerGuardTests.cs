using Shouldly;
using SkyRiff.Data;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

/// <summary>What the service's own role may not do, whatever its code tries.</summary>
public sealed class LedgerGuardTests(SharedPostgres shared) : PaymentsTest(shared)
{
    private static readonly string[] LedgerTables = ["wallets", "transfers", "entries", "holds", "transfer_keys"];

    [Theory]
    [InlineData("UPDATE payments.transfers SET reference = 'other'")]
    [InlineData("UPDATE payments.entries SET amount = amount + 1")]
    [InlineData("UPDATE payments.wallets SET credits = 1000000")]
    [InlineData("UPDATE payments.holds SET state = 'released'")]
    [InlineData("UPDATE payments.transfer_keys SET reference = 'other'")]
    [InlineData("DELETE FROM payments.transfers")]
    [InlineData("DELETE FROM payments.entries")]
    [InlineData("DELETE FROM payments.wallets")]
    [InlineData("DELETE FROM payments.holds")]
    [InlineData("DELETE FROM payments.transfer_keys")]
    [InlineData("TRUNCATE payments.transfers")]
    [InlineData("TRUNCATE payments.entries")]
    [InlineData("TRUNCATE payments.wallets")]
    [InlineData("TRUNCATE payments.holds")]
    [InlineData("TRUNCATE payments.transfer_keys")]
    [InlineData("INSERT INTO payments.transfers (id, kind, reference) VALUES (1, 'grant', 'mine')")]
    [InlineData("INSERT INTO payments.entries (transfer_id, line, account, amount) VALUES (1, 1, 'gifts', -1)")]
    [InlineData("INSERT INTO payments.wallets (user_id, credits) VALUES (1, 1000000)")]
    [InlineData("SELECT payments.record(1, 'grant', 'mine', 'gifts', 'credits', 5, NULL)")]
    [InlineData("DELETE FROM payments.orders")]
    [InlineData("DELETE FROM payments.webhooks")]
    [InlineData("UPDATE payments.webhooks SET outcome = 'late'")]
    [InlineData("DROP TABLE payments.entries")]
    public async Task History_and_balances_cannot_be_written_around_the_ledgers_functions(string statement)
    {
        var user = await NewWalletAsync();
        await Credits.HoldAsync(user, await NewGenerationAsync(user), 10, Ct);
        var refused = await Should.ThrowAsync<DataException>(() => ExecuteAsync(statement));
        refused.Failure.ShouldBe(DataFailure.Denied);
    }

    [Fact]
    public async Task Every_partition_is_as_closed_as_its_parent_also_those_of_months_to_come()
    {
        await AsSuperuserAsync("SELECT skyriff.ensure_months('payments.transfers', 7), skyriff.ensure_months('payments.entries', 7)");
        var tables = await Database.PrimaryAsync(Map.Shards[0], (session, token) => session.ListAsync($"""
            SELECT c.relname, has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE')
            FROM pg_class c WHERE c.relnamespace = 'payments'::regnamespace AND c.relkind IN ('r', 'p')
              AND (c.relname = ANY({LedgerTables}) OR c.oid IN (SELECT inhrelid FROM pg_inherits))
            """, row => (Name: row.Text(0), Readable: row.Bool(1), Writable: row.Bool(2)), token), Ct);
        tables.Count.ShouldBeGreaterThanOrEqualTo(LedgerTables.Length + (2 * 8));
        tables.ShouldAllBe(table => !table.Writable);
        tables.Where(table => LedgerTables.Contains(table.Name)).ShouldAllBe(table => table.Readable);
    }

    [Fact]
    public async Task Upkeep_makes_the_coming_months_though_the_role_cannot_write_the_tables()
    {
        await AsSuperuserAsync("DO $$ DECLARE p text; BEGIN FOR p IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'payments.entries'::regclass AND inhrelid::regclass::text NOT LIKE '%default' LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; END $$");
        var user = await NewWalletAsync(); // lands in the default partition
        await Database.PrimaryAsync(Map.Shards[0], (session, token) => session.SingleAsync($"SELECT skyriff.ensure_months('payments.entries', 2)", row => row.Int(0), token), Ct);
        (await AsSuperuserAsync("SELECT count(*) FROM payments.entries_default")).ShouldBe("0");
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Fact]
    public async Task The_database_itself_refuses_a_negative_balance()
    {
        var user = await NewWalletAsync();
        var refused = await Should.ThrowAsync<InvalidOperationException>(() => AsSuperuserAsync($"UPDATE payments.wallets SET credits = -1 WHERE user_id = {user}"));
        refused.Message.ShouldContain("wallets_credits_check");
    }

    [Fact]
    public async Task Connections_that_die_at_any_moment_leave_no_half_movement_and_repeating_finishes_it()
    {
        await AsSuperuserAsync($"ALTER ROLE {Options.ServiceUserPrefix}payments SET log_min_messages = panic"); // each kill would be told at length
        var user = await NewWalletAsync();
        var generations = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => NewGenerationAsync(user)));
        using var done = new CancellationTokenSource();
        var kills = 0;
        var killer = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                var killed = int.Parse(await AsSuperuserAsync($"SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{Options.ServiceUserPrefix}payments' AND datname = current_database()"));
                Interlocked.Add(ref kills, killed);
            }
        }, Ct);

        await Task.WhenAll(generations.Select((generation, i) => Task.Run(async () =>
        {
            await InsistAsync(() => Credits.HoldAsync(user, generation, 3, Ct));
            await Eventually.TrueAsync(() => Volatile.Read(ref kills) > 1, "connections died"); // or all may be done before the killer has begun
            await InsistAsync(() => i % 2 == 0 ? Credits.CaptureAsync(user, generation, Ct) : Credits.ReleaseAsync(user, generation, Ct));
        }, Ct)));
        await done.CancelAsync();
        await killer;

        kills.ShouldBeGreaterThan(1);
        (await InsistAsync(() => BalanceAsync(user))).ShouldBe((StarterCredits - (30 * 3), 0));
        (await InsistAsync(() => CountAsync("transfers"))).ShouldBe(1 + 60 + 60);
    }

    /// <summary>Repeats until the database answers, as a job would.</summary>
    private static async Task<T> InsistAsync<T>(Func<Task<T>> call)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (DataException lost) when (lost.Failure is DataFailure.Unavailable)
            {
                // whether it happened is unknown: ask again
            }
        }
    }

    private Task<int> ExecuteAsync(string statement) => Database.PrimaryAsync(Map.Shards[0], (session, token) => session.ExecuteAsync($"{Sql.Splice(statement)}", token), Ct);
}
