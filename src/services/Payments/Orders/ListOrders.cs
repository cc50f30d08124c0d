using System.Globalization;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments.Orders;

/// <summary>The caller's orders, newest first.</summary>
internal sealed class ListOrders(PaymentsDatabase database, PaymentsOptions options) : IUseCase<ListReply<OrderReply>>
{
    private const string List = "orders";

    public async Task<Outcome<ListReply<OrderReply>>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.Page(List).TryGet(out var page, out var problem)) return problem;
        var user = new UserId(call.Caller.Subject);
        var before = page.After is { } after ? long.Parse(after, CultureInfo.InvariantCulture) : long.MaxValue;
        var orders = await database.ReadAsync(user.Slot(), (session, token) => OrderStore.ListAsync(session, user, before, page.Limit + 1, token), cancellationToken);

        var shown = orders.Take(page.Limit).ToList();
        var next = orders.Count > page.Limit ? shown[^1].Id.ToString() : null;
        return call.List(List, [.. shown.Select(order => OrderReply.Of(order, options))], next);
    }
}
