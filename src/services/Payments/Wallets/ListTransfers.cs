using System.Globalization;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments.Wallets;

internal readonly record struct TransferId(long Value) : ITypedId<TransferId>
{
    public static TransferId Of(long value) => new(value);
}

/// <summary>One line of the caller's ledger. A hold and a release touch two accounts and are two lines with one id.</summary>
/// <param name="Kind"><c>starter</c>, <c>grant</c>, <c>purchase</c>, <c>refund</c>, <c>hold</c>, <c>capture</c> or <c>release</c>.</param>
/// <param name="Account"><c>credits</c>, <c>held</c> or <c>coins</c>.</param>
/// <param name="Amount">Added to the account, or taken from it when negative.</param>
/// <param name="Reference">What it was for: the id of the generation, the order or the user.</param>
/// <param name="BalanceAfter">The account's balance once this was done.</param>
internal sealed record TransferReply(TransferId Id, string Kind, string Account, long Amount, string Reference, long BalanceAfter, DateTimeOffset CreatedAt);

/// <summary>The caller's ledger, newest first. Lines are numbered within the wallet, so a page's end is one number.</summary>
internal sealed class ListTransfers(PaymentsDatabase database) : IUseCase<ListReply<TransferReply>>
{
    private const string List = "wallet/transfers";

    public async Task<Outcome<ListReply<TransferReply>>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.Page(List).TryGet(out var page, out var problem)) return problem;
        var user = new UserId(call.Caller.Subject);
        var before = page.After is { } after ? long.Parse(after, CultureInfo.InvariantCulture) : long.MaxValue;
        var lines = await database.ReadAsync(user.Slot(), (session, token) => session.ListAsync(
            $"""
            SELECT e.sequence, e.transfer_id, t.kind::text, e.account::text, e.amount, t.reference, e.balance_after, t.created_at
            FROM payments.entries e JOIN payments.transfers t ON t.id = e.transfer_id
            WHERE e.user_id = {user} AND e.sequence < {before}
            ORDER BY e.sequence DESC
            LIMIT {page.Limit + 1}
            """,
            row => (Sequence: row.Long(0), Reply: new TransferReply(row.Id<TransferId>(1), row.Text(2), row.Text(3), row.Long(4), row.Text(5), row.Long(6), row.Time(7))), token), cancellationToken);

        var shown = lines.Take(page.Limit).ToList();
        var next = lines.Count > page.Limit ? shown[^1].Sequence.ToString(CultureInfo.InvariantCulture) : null;
        return call.List(List, [.. shown.Select(line => line.Reply)], next);
    }
}
