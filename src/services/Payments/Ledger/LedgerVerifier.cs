using SkyRiff.Contracts;
using SkyRiff.Data;

namespace SkyRiff.Payments.Ledger;

/// <summary>
/// Proves the ledger shard by shard. Each shard is read in one snapshot, so that money may move meanwhile, and in pages of keys, so that neither memory nor a single
/// statement's time grows with the ledger. (The snapshot keeps the shard's vacuum waiting for as long as it takes.)
/// </summary>
internal sealed class LedgerVerifier(PaymentsDatabase database) : ILedgerAudit
{
    /// <summary>Keys per page; wallets bring all their entries with them.</summary>
    private const int PageKeys = 5_000;
    private const int WalletPageKeys = 500;

    private static readonly string[] UserAccounts = ["credits", "held", "coins"];

    public async Task<LedgerReport> VerifyAsync(CancellationToken cancellationToken)
    {
        var findings = new Findings();
        var shards = new List<ShardLedger>();
        foreach (var shard in database.Map.Shards)
        {
            shards.Add(await database.TransactAsync(shard, (session, token) => VerifyAsync(session, findings, token), cancellationToken));
        }
        var everything = shards.Sum(shard => shard.Credits + shard.Held + shard.PlatformAccounts.Values.Sum());
        if (everything != 0) findings.Add(-1, "shards_sum_to_zero", "all shards", $"wallets and platform accounts sum to {everything}");
        return new LedgerReport(shards, findings.Count, findings.First);
    }

    private static async Task<ShardLedger> VerifyAsync(SqlSession session, Findings findings, CancellationToken cancellationToken)
    {
        await session.ExecuteAsync($"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", cancellationToken);

        var accounts = new Dictionary<string, long>();
        long entries = 0;
        var transfers = await WalkAsync(session, "transfers", "id", PageKeys, LedgerRules.OfTransfers, findings, async (above, upTo) =>
        {
            foreach (var (account, sum, count) in await session.ListAsync(
                $"SELECT account::text, sum(amount)::bigint, count(*) FROM payments.entries WHERE transfer_id > {above} AND transfer_id <= {upTo} GROUP BY account",
                row => (row.Text(0), row.Long(1), row.Long(2)), cancellationToken))
            {
                accounts[account] = accounts.GetValueOrDefault(account) + sum;
                entries += count;
            }
        }, cancellationToken);

        var (credits, held, coins) = (0L, 0L, 0L);
        var wallets = await WalkAsync(session, "wallets", "user_id", WalletPageKeys, LedgerRules.OfWallets, findings, async (above, upTo) =>
        {
            var page = await session.SingleAsync(
                $"SELECT coalesce(sum(credits), 0)::bigint, coalesce(sum(held), 0)::bigint, coalesce(sum(coins), 0)::bigint FROM payments.wallets WHERE user_id > {above} AND user_id <= {upTo}",
                row => (row.Long(0), row.Long(1), row.Long(2)), cancellationToken);
            (credits, held, coins) = (credits + page.Item1, held + page.Item2, coins + page.Item3);
        }, cancellationToken);

        var (openHolds, openCredits) = (0L, 0L);
        var holds = await WalkAsync(session, "holds", "generation_id", PageKeys, LedgerRules.OfHolds, findings, async (above, upTo) =>
        {
            var page = await session.SingleAsync(
                $"SELECT count(*), coalesce(sum(credits), 0)::bigint FROM payments.holds WHERE generation_id > {above} AND generation_id <= {upTo} AND state = 'held'",
                row => (row.Long(0), row.Long(1)), cancellationToken);
            (openHolds, openCredits) = (openHolds + page.Item1, openCredits + page.Item2);
        }, cancellationToken);
        await WalkAsync(session, "orders", "id", PageKeys, LedgerRules.OfOrders, findings, (_, _) => Task.CompletedTask, cancellationToken);
        await WalkKeysAsync(session, findings, cancellationToken);

        var shard = session.Shard.Number;
        if (openCredits != held) findings.Add(shard, "open_holds_are_what_is_held", "all wallets", $"open holds sum to {openCredits}, wallets hold {held}");
        var platform = accounts.Where(account => !UserAccounts.Contains(account.Key)).ToDictionary();
        var everything = credits + held + platform.Values.Sum();
        if (everything != 0) findings.Add(shard, "shard_sums_to_zero", "all accounts", $"wallets and platform accounts sum to {everything}");
        return new ShardLedger(shard, wallets, transfers, entries, holds, openHolds, credits, held, coins, platform);
    }

    /// <summary>Page by page through a table's key, from end to end without gaps, so that rows of other tables beyond its last key are looked at too. Answers the number of keys.</summary>
    private static async Task<long> WalkAsync(
        SqlSession session, string table, string key, int pageKeys, IReadOnlyList<LedgerRule> rules, Findings findings, Func<long, long, Task> visit, CancellationToken cancellationToken)
    {
        var (tableName, keyName) = (Sql.Splice(table), Sql.Splice(key));
        var total = 0L;
        for (var above = long.MinValue; ;)
        {
            var (last, count) = await session.SingleAsync(
                $"SELECT max(k), count(*) FROM (SELECT {keyName} AS k FROM payments.{tableName} WHERE {keyName} > {above} ORDER BY {keyName} LIMIT {pageKeys}) page",
                row => (row.LongOrNull(0), row.Long(1)), cancellationToken);
            total += count;
            var upTo = count < pageKeys ? long.MaxValue : last!.Value;
            foreach (var rule in rules)
            {
                foreach (var (subject, detail) in await session.ListAsync($"{rule.Violations(above, upTo)} LIMIT {LedgerReport.ViolationsMax}", row => (row.Text(0), row.Text(1)), cancellationToken))
                {
                    findings.Add(session.Shard.Number, rule.Name, subject, detail);
                }
            }
            await visit(above, upTo);
            if (upTo == long.MaxValue) return total;
            above = upTo;
        }
    }

    private static async Task WalkKeysAsync(SqlSession session, Findings findings, CancellationToken cancellationToken)
    {
        var (kind, reference) = ("starter", ""); // the first of the kinds, and nothing sorts before the empty reference
        while (true)
        {
            var last = await session.FirstAsync(
                $"""
                SELECT kind::text, reference FROM (
                  SELECT kind, reference FROM payments.transfer_keys WHERE (kind, reference) > ({kind}::payments.transfer_kind, {reference}) ORDER BY kind, reference LIMIT {PageKeys}) page
                ORDER BY page.kind DESC, page.reference DESC LIMIT 1
                """, row => new { Kind = row.Text(0), Reference = row.Text(1) }, cancellationToken);
            if (last is null) return;
            foreach (var (subject, detail) in await session.ListAsync(
                $"{LedgerRules.KeysWithoutTransfer(kind, reference, last.Kind, last.Reference)} LIMIT {LedgerReport.ViolationsMax}", row => (row.Text(0), row.Text(1)), cancellationToken))
            {
                findings.Add(session.Shard.Number, LedgerRules.KeyHasTransfer, subject, detail);
            }
            (kind, reference) = (last.Kind, last.Reference);
        }
    }

    private sealed class Findings
    {
        private readonly List<LedgerViolation> _first = [];

        public long Count { get; private set; }

        public IReadOnlyList<LedgerViolation> First => _first;

        public void Add(int shard, string rule, string subject, string detail)
        {
            Count++;
            if (_first.Count < LedgerReport.ViolationsMax) _first.Add(new LedgerViolation(shard, rule, subject, detail));
        }
    }
}
