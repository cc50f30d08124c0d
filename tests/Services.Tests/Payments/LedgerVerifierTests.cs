using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

/// <summary>Each test damages a proven ledger in one place, as only a superuser can, and the verifier names the promise that broke.</summary>
public sealed class LedgerVerifierTests(SharedPostgres shared) : PaymentsTest(shared)
{
    protected override bool LedgerMustBeClean => false;

    [Theory]
    [InlineData("UPDATE payments.wallets SET credits = credits + 1 WHERE user_id = {user}", "wallet_is_sum_of_entries", "shard_sums_to_zero", "shards_sum_to_zero")]
    [InlineData("UPDATE payments.wallets SET held = held + 1, credits = credits - 1 WHERE user_id = {user}", "wallet_is_sum_of_entries", "open_holds_are_what_is_held")]
    [InlineData("ALTER TABLE payments.wallets DROP CONSTRAINT wallets_credits_check; UPDATE payments.wallets SET credits = -5 WHERE user_id = {user}", "wallet_is_not_negative", "wallet_is_sum_of_entries", "shard_sums_to_zero", "shards_sum_to_zero")]
    [InlineData("DELETE FROM payments.wallets WHERE user_id = {user}", "entry_has_wallet", "open_holds_are_what_is_held", "shard_sums_to_zero", "shards_sum_to_zero")]
    [InlineData("UPDATE payments.entries SET amount = amount + 7 WHERE user_id = {user} AND sequence = 1", "transfer_balances", "wallet_is_sum_of_entries", "entries_follow_each_other")]
    [InlineData("UPDATE payments.entries SET balance_after = balance_after + 7 WHERE user_id = {user} AND sequence = 2", "entries_follow_each_other")]
    [InlineData("UPDATE payments.entries SET sequence = 70 WHERE user_id = {user} AND sequence = 3", "entries_follow_each_other")]
    [InlineData("DELETE FROM payments.entries WHERE account = 'gifts'", "transfer_balances", "shard_sums_to_zero", "shards_sum_to_zero")]
    [InlineData("DELETE FROM payments.transfers WHERE kind = 'starter'", "entry_has_transfer", "key_has_transfer")]
    [InlineData("UPDATE payments.transfers SET reference = '12345' WHERE kind = 'capture'", "transfer_happened_once", "hold_ends_once")]
    [InlineData("UPDATE payments.transfers SET kind = 'grant' WHERE kind = 'starter'", "transfer_happened_once", "key_has_transfer")]
    [InlineData("INSERT INTO payments.entries SELECT transfer_id + 1, line, 'gifts', amount FROM payments.entries WHERE transfer_id = (SELECT min(id) FROM payments.transfers); INSERT INTO payments.transfers SELECT min(id) + 1, 'starter', min(reference) FROM payments.transfers WHERE kind = 'starter'", "transfer_happened_once")]
    [InlineData("DELETE FROM payments.transfer_keys", "transfer_happened_once")]
    [InlineData("INSERT INTO payments.transfer_keys VALUES ('grant', 'x', 99)", "key_has_transfer")]
    [InlineData("UPDATE payments.holds SET state = 'released' WHERE state = 'captured'", "hold_ends_once", "transfer_happened_once")]
    [InlineData("UPDATE payments.holds SET state = 'released', settled_at = now(), settle_transfer = 5 WHERE state = 'held'", "hold_ends_once", "open_holds_are_what_is_held")]
    [InlineData("UPDATE payments.holds SET credits = credits + 1 WHERE state = 'held'", "hold_ends_once", "open_holds_are_what_is_held")]
    [InlineData("DELETE FROM payments.holds WHERE state = 'captured'", "transfer_happened_once")]
    [InlineData("INSERT INTO payments.orders (id, user_id, pack, credits, price_amount, price_currency, provider, status) VALUES (77, {user}, 'small', 500, 499, 'USD', 'sandbox', 'paid')", "order_is_credited_once")]
    public async Task Damage_is_found_and_named(string damage, params string[] rules)
    {
        var user = await MoveMoneyAsync();
        (await Audit.VerifyAsync(Ct)).Violations.ShouldBeEmpty();
        await AsSuperuserAsync(damage.Replace("{user}", user.ToString()));

        var report = await Audit.VerifyAsync(Ct);
        report.IsClean.ShouldBeFalse();
        report.Violations.Select(violation => violation.Rule).Distinct().ShouldBe(rules, ignoreOrder: true);
        report.ViolationCount.ShouldBe(report.Violations.Count);
    }

    [Fact]
    public async Task A_report_counts_what_was_looked_at()
    {
        await MoveMoneyAsync();
        var shard = (await Audit.VerifyAsync(Ct)).Shards.ShouldHaveSingleItem();
        shard.ShouldSatisfyAllConditions(
            () => shard.Wallets.ShouldBe(2),
            () => shard.Transfers.ShouldBe(2 + 3 + 2),
            () => shard.Entries.ShouldBe(2 * 7),
            () => shard.Holds.ShouldBe(4),
            () => shard.OpenHolds.ShouldBe(1),
            () => shard.Credits.ShouldBe((2 * StarterCredits) - 30 - 10),
            () => shard.Held.ShouldBe(30),
            () => shard.PlatformAccounts.ShouldBe(new Dictionary<string, long> { ["gifts"] = -2 * StarterCredits, ["usage"] = 10 }, ignoreOrder: true));
    }

    [Fact]
    public async Task A_ledger_of_many_pages_is_walked_to_its_end_while_money_moves()
    {
        var users = await Task.WhenAll(Enumerable.Range(0, 1_300).Select(_ => NewWalletAsync()));
        using var done = new CancellationTokenSource();
        var spender = Task.Run(async () =>
        {
            for (var i = 0; !done.IsCancellationRequested; i++)
            {
                var user = users[i % users.Length];
                var generation = await NewGenerationAsync(user);
                await Credits.HoldAsync(user, generation, 1, Ct);
                if (i % 3 == 0) await Credits.CaptureAsync(user, generation, Ct);
            }
        }, Ct);
        for (var i = 0; i < 5; i++)
        {
            var report = await Audit.VerifyAsync(Ct);
            report.Violations.ShouldBeEmpty();
            report.Shards[0].Wallets.ShouldBe(users.Length);
        }
        await done.CancelAsync();
        await spender;

        await AsSuperuserAsync($"UPDATE payments.wallets SET credits = credits + 1 WHERE user_id IN (SELECT user_id FROM payments.wallets ORDER BY user_id DESC LIMIT 1100)");
        var damaged = await Audit.VerifyAsync(Ct);
        damaged.ViolationCount.ShouldBe(1_100 + 2);
        damaged.Violations.Count.ShouldBe(LedgerReport.ViolationsMax);
    }

    /// <summary>Two wallets; one with a hold of each kind: open, captured, released, and released before it was held.</summary>
    private async Task<UserId> MoveMoneyAsync()
    {
        var user = await NewWalletAsync();
        await NewWalletAsync();
        await Credits.HoldAsync(user, await NewGenerationAsync(user), 30, Ct);
        var (captured, released) = (await NewGenerationAsync(user), await NewGenerationAsync(user));
        await Credits.HoldAsync(user, captured, 10, Ct);
        await Credits.CaptureAsync(user, captured, Ct);
        await Credits.HoldAsync(user, released, 20, Ct);
        await Credits.ReleaseAsync(user, released, Ct);
        await Credits.ReleaseAsync(user, await NewGenerationAsync(user), Ct);
        return user;
    }
}
