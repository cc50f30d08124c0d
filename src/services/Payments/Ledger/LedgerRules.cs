using SkyRiff.Data;

namespace SkyRiff.Payments.Ledger;

/// <summary>A promise of the ledger, as a query for what breaks it among the keys above one and up to another; answers (subject, detail).</summary>
internal sealed record LedgerRule(string Name, Func<long, long, Sql> Violations);

/// <summary>
/// Every promise of the ledger. That (kind, reference) is unique needs no counting: each transfer must be the very one that its key or its hold names, and
/// these are unique by their primary keys.
/// </summary>
internal static class LedgerRules
{
    /// <summary>By the transfer's id.</summary>
    public static readonly IReadOnlyList<LedgerRule> OfTransfers =
    [
        new("transfer_balances", (above, upTo) => $"""
            SELECT 'transfer ' || t.id, t.kind || ' ' || t.reference || ': ' || count(e.line) || ' entries that sum to ' || coalesce(sum(e.amount), 0)
            FROM payments.transfers t LEFT JOIN payments.entries e ON e.transfer_id = t.id AND e.transfer_id > {above} AND e.transfer_id <= {upTo}
            WHERE t.id > {above} AND t.id <= {upTo}
            GROUP BY t.id, t.kind, t.reference
            HAVING count(e.line) < 2 OR sum(e.amount) <> 0 OR coalesce(sum(e.amount) FILTER (WHERE e.account = 'coins'), 0) <> 0
            """),
        new("entry_has_transfer", (above, upTo) => $"""
            SELECT 'transfer ' || e.transfer_id, 'entry of ' || e.amount || ' on ' || e.account || ', but no such transfer'
            FROM payments.entries e
            WHERE e.transfer_id > {above} AND e.transfer_id <= {upTo}
              AND NOT EXISTS (SELECT FROM payments.transfers t WHERE t.id = e.transfer_id AND t.id > {above} AND t.id <= {upTo})
            """),
        new("entry_has_wallet", (above, upTo) => $"""
            SELECT 'user ' || e.user_id, 'entry of transfer ' || e.transfer_id || ', but no wallet'
            FROM payments.entries e
            WHERE e.transfer_id > {above} AND e.transfer_id <= {upTo} AND e.user_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM payments.wallets w WHERE w.user_id = e.user_id)
            """),
        new("transfer_happened_once", (above, upTo) => $"""
            SELECT 'transfer ' || t.id, t.kind || ' ' || t.reference || ' is not the transfer that its key or hold names'
            FROM payments.transfers t
            WHERE t.id > {above} AND t.id <= {upTo}
              AND NOT EXISTS (SELECT FROM payments.transfer_keys k WHERE k.kind = t.kind AND k.reference = t.reference AND k.transfer_id = t.id)
              AND NOT EXISTS (
                SELECT FROM payments.holds h
                WHERE h.generation_id = CASE WHEN t.kind IN ('hold', 'capture', 'release') THEN t.reference::bigint END
                  AND t.id = CASE t.kind WHEN 'hold' THEN h.hold_transfer ELSE h.settle_transfer END
                  AND (t.kind = 'hold' OR t.kind::text = CASE h.state WHEN 'captured' THEN 'capture' WHEN 'released' THEN 'release' END))
            """),
    ];

    /// <summary>By the user's id.</summary>
    public static readonly IReadOnlyList<LedgerRule> OfWallets =
    [
        new("wallet_is_sum_of_entries", (above, upTo) => $"""
            SELECT 'user ' || w.user_id,
              format('wallet: credits %s, held %s, coins %s, entries %s; entries: %s, %s, %s, %s', w.credits, w.held, w.coins, w.entries, e.credits, e.held, e.coins, e.entries)
            FROM payments.wallets w CROSS JOIN LATERAL (
              SELECT coalesce(sum(amount) FILTER (WHERE account = 'credits'), 0) AS credits, coalesce(sum(amount) FILTER (WHERE account = 'held'), 0) AS held,
                coalesce(sum(amount) FILTER (WHERE account = 'coins'), 0) AS coins, count(*) AS entries
              FROM payments.entries WHERE user_id = w.user_id) e
            WHERE w.user_id > {above} AND w.user_id <= {upTo} AND (w.credits, w.held, w.coins, w.entries) IS DISTINCT FROM (e.credits, e.held, e.coins, e.entries)
            """),
        new("wallet_is_not_negative", (above, upTo) => $"""
            SELECT 'user ' || user_id, format('credits %s, held %s, coins %s', credits, held, coins)
            FROM payments.wallets WHERE user_id > {above} AND user_id <= {upTo} AND least(credits, held, coins) < 0
            """),
        new("entries_follow_each_other", (above, upTo) => $"""
            SELECT 'user ' || user_id, format('entry %s (transfer %s, %s) is number %s, says %s and sums to %s', sequence, transfer_id, account, nth, balance_after, running)
            FROM (
              SELECT user_id, transfer_id, account, sequence, balance_after, row_number() OVER (PARTITION BY user_id ORDER BY sequence) AS nth,
                sum(amount) OVER (PARTITION BY user_id, account ORDER BY sequence) AS running
              FROM payments.entries WHERE user_id > {above} AND user_id <= {upTo}) chain
            WHERE sequence <> nth OR balance_after <> running OR running < 0
            """),
    ];

    /// <summary>By the generation's id.</summary>
    public static readonly IReadOnlyList<LedgerRule> OfHolds =
    [
        new("hold_ends_once", (above, upTo) => $"""
            SELECT 'generation ' || h.generation_id, format('%s with %s credits, but its transfers say otherwise (%s, %s)', h.state, h.credits, h.hold_transfer, h.settle_transfer)
            FROM payments.holds h
            LEFT JOIN payments.transfers opened ON opened.id = h.hold_transfer AND opened.kind = 'hold' AND opened.reference = h.generation_id::text
            LEFT JOIN payments.entries aside ON aside.transfer_id = opened.id AND aside.account = 'held' AND aside.user_id = h.user_id AND aside.amount = h.credits
            LEFT JOIN payments.transfers ended ON ended.id = h.settle_transfer AND ended.reference = h.generation_id::text
              AND ended.kind::text = CASE h.state WHEN 'captured' THEN 'capture' WHEN 'released' THEN 'release' END
            LEFT JOIN payments.entries gone ON gone.transfer_id = ended.id AND gone.account = 'held' AND gone.user_id = h.user_id AND gone.amount = -h.credits
            WHERE h.generation_id > {above} AND h.generation_id <= {upTo}
              AND ((h.credits > 0) <> (aside.transfer_id IS NOT NULL) OR (h.credits > 0 AND h.state <> 'held') <> (gone.transfer_id IS NOT NULL)
                OR (h.hold_transfer IS NULL) <> (h.credits = 0) OR (h.settle_transfer IS NULL) <> (h.credits = 0 OR h.state = 'held'))
            """),
    ];

    /// <summary>By the order's id.</summary>
    public static readonly IReadOnlyList<LedgerRule> OfOrders =
    [
        new("order_is_credited_once", (above, upTo) => $"""
            SELECT 'order ' || o.id, format('%s for %s credits, but the ledger has %s purchase', o.status, o.credits, CASE WHEN k.reference IS NULL THEN 'no' ELSE 'another' END)
            FROM payments.orders o
            LEFT JOIN payments.transfer_keys k ON k.kind = 'purchase' AND k.reference = o.id::text
            LEFT JOIN payments.entries e ON e.transfer_id = k.transfer_id AND e.account = 'credits' AND e.user_id = o.user_id AND e.amount = o.credits
            WHERE o.id > {above} AND o.id <= {upTo}
              AND ((o.status = 'paid' AND e.transfer_id IS NULL) OR (o.status IN ('pending', 'failed') AND k.reference IS NOT NULL) OR (k.reference IS NOT NULL AND e.transfer_id IS NULL))
            """),
    ];

    public const string KeyHasTransfer = "key_has_transfer";

    /// <summary>By (kind, reference), both of the page's bounds inclusive but for its first.</summary>
    public static Sql KeysWithoutTransfer(string aboveKind, string aboveReference, string upToKind, string upToReference) => $"""
        SELECT k.kind || ' ' || k.reference, 'names transfer ' || k.transfer_id || ', which is not there'
        FROM payments.transfer_keys k
        WHERE (k.kind, k.reference) > ({aboveKind}::payments.transfer_kind, {aboveReference}) AND (k.kind, k.reference) <= ({upToKind}::payments.transfer_kind, {upToReference})
          AND k.transfer_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM payments.transfers t WHERE t.id = k.transfer_id AND t.kind = k.kind AND t.reference = k.reference)
        """;
}
