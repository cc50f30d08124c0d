using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Payments.Orders;

namespace SkyRiff.Payments.Sandbox;

/// <summary>
/// "Pays" an order of the caller's at the built-in provider. The payment is written to the outbox, from where it is delivered as a signed webhook even if this
/// process dies now; the call waits a moment for that. 200 with the order when it is settled, 202 when the webhook is still on its way.
/// </summary>
internal sealed class CompleteSandboxPayment(PaymentsDatabase database, PaymentsOptions options, TimeProvider time) : IUseCase<StoredReply>
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(25);

    public async Task<Outcome<StoredReply>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!options.Sandbox.Enabled) return PaymentProblems.SandboxDisabled.Because("The sandbox provider is not enabled here.");
        if (!call.RouteId<OrderId>("orderId").TryGet(out var id, out var problem)) return problem;
        var user = new UserId(call.Caller.Subject);

        var paid = await database.TransactAsync(user.Slot(), (session, token) => PayAsync(session, user, id, token), cancellationToken);
        if (!paid.TryGet(out var order, out problem)) return problem;
        if (OrderProgress.IsPayable(order.Status)) order = await WaitAsync(order, cancellationToken);
        return ApiJson.Reply(OrderProgress.IsPayable(order.Status) ? 202 : 200, OrderReply.Of(order, options));
    }

    private static async Task<Outcome<Order>> PayAsync(SqlSession session, UserId user, OrderId id, CancellationToken cancellationToken)
    {
        var order = await OrderStore.FindAsync(session, user, id, cancellationToken);
        if (order is not { Provider: SandboxOptions.Provider }) return PaymentProblems.NoSuchOrder.Because("No such order, or it is not yours.");
        if (order.Status is OrderStatus.Refunded) return PaymentProblems.OrderNotPayable.Because("The order was refunded; make a new one.");
        if (OrderProgress.IsPayable(order.Status))
        {
            await Outbox.AppendAsync(session, SandboxPayment.Topic, order.Id.Value, EventJson.Write(new SandboxPayment(order.Id, order.Price)), cancellationToken);
        }
        return order;
    }

    private async Task<Order> WaitAsync(Order order, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (OrderProgress.IsPayable(order.Status) && time.GetElapsedTime(started) < options.Sandbox.CompletionWait)
        {
            await Task.Delay(LookInterval, time, cancellationToken);
            order = await database.PrimaryAsync(order.User.Slot(), (session, token) => OrderStore.FindAsync(session, order.User, order.Id, token), cancellationToken) ?? order;
        }
        return order;
    }
}
