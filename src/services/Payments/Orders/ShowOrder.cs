using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments.Orders;

/// <summary>One of the caller's orders.</summary>
internal sealed class ShowOrder(PaymentsDatabase database, PaymentsOptions options) : IUseCase<OrderReply>
{
    public async Task<Outcome<OrderReply>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.RouteId<OrderId>("id").TryGet(out var id, out var problem)) return problem;
        var user = new UserId(call.Caller.Subject);
        var order = await database.ReadAsync(user.Slot(), (session, token) => OrderStore.FindAsync(session, user, id, token), cancellationToken);
        return order is null ? PaymentProblems.NoSuchOrder.Because("No such order, or it is not yours.") : OrderReply.Of(order, options);
    }
}
