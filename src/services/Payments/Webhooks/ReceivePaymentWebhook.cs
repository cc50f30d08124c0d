using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Http.Webhooks;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Payments.Ledger;
using SkyRiff.Payments.Orders;

namespace SkyRiff.Payments.Webhooks;

/// <param name="Outcome"><c>applied</c>; <c>late</c>: the order was further already; <c>repeated</c>: this delivery was here before; <c>ignored</c>: not about orders.</param>
internal sealed record WebhookReply(string Outcome);

/// <summary>
/// A provider tells about a payment. Only its signature is trusted, and only for orders that are paid at this very provider, at their price. The delivery, the
/// order's new status, the credits and the event for other services are one transaction.
/// </summary>
internal sealed class ReceivePaymentWebhook(
    PaymentsDatabase database, PaymentProviders providers, PaymentsOptions options, WalletEvents events, TimeProvider time, ILogger<ReceivePaymentWebhook> logger)
{
    public const int BodyBytesMax = 64 * 1024;

    /// <summary>Strangers can have calls refused as often as they like, and an operator wants to see a wrong secret.</summary>
    private readonly Seldom _warning = new(time, TimeSpan.FromMinutes(1));

    public async Task HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var outcome = await ReceiveAsync(call, cancellationToken);
        if (!outcome.TryGet(out var reply, out var problem))
        {
            if (_warning.IsTime(out var keptBack)) logger.LogWarning("A webhook was refused: {Problem} ({KeptBack} more since the last such line)", problem, keptBack);
            await ProblemWriter.WriteAsync(call.Http, problem);
            return;
        }
        call.Http.Response.ContentType = "application/json; charset=utf-8";
        await call.Http.Response.Body.WriteAsync(ApiJson.Bytes(reply), cancellationToken);
    }

    private async Task<Outcome<WebhookReply>> ReceiveAsync(Call call, CancellationToken cancellationToken)
    {
        var provider = call.RouteText("provider");
        if (!providers.TryGetSecrets(provider, out var secrets)) return PaymentProblems.NoSuchProvider.Because("No payment provider of this name is set up here.");
        if (!(await StandardWebhook.ReadBodyAsync(call.Http.Request, BodyBytesMax, cancellationToken)).TryGet(out var body, out var problem)) return problem;

        var headers = call.Http.Request.Headers;
        if (StandardWebhook.Verify(secrets, headers, body.Span, time.GetUtcNow(), options.WebhookTolerance) is { } forged) return PaymentProblems.BadSignature.Because(forged);
        var webhookId = headers[StandardWebhook.IdHeader].ToString();

        if (!PaymentEvent.Parse(body).TryGet(out var what, out problem)) return problem;
        if (what == PaymentEvent.Unknown) return new WebhookReply("ignored");
        return await ApplyAsync(provider, webhookId, what, cancellationToken);
    }

    private async Task<Outcome<WebhookReply>> ApplyAsync(string provider, string webhookId, PaymentEvent what, CancellationToken cancellationToken)
    {
        var outcome = await database.TransactAsync<Outcome<Applied>>(what.Order.Slot(), async (session, token) =>
        {
            if (await OrderStore.LockAsync(session, what.Order, provider, token) is not { } order) return PaymentProblems.NoSuchOrder.Because("No order of this provider has this id.");
            if (what.Type != PaymentEventType.Failed && what.Paid != order.Price)
            {
                return PaymentProblems.PriceMismatch.Because($"Order {order.Id} costs {order.Price.Amount} {order.Price.Currency}, the event is about {what.Paid.Amount} {what.Paid.Currency}.");
            }

            var (status, effect) = OrderProgress.After(order.Status, what.Type);
            var word = status == order.Status ? "late" : "applied";
            var isNew = await session.ExecuteAsync(
                $"INSERT INTO payments.webhooks (provider, webhook_id, order_id, event, outcome) VALUES ({provider}, {webhookId}, {order.Id}, {what.Name}, {word}) ON CONFLICT DO NOTHING", token) == 1;
            if (!isNew) return new Applied(order.User, "repeated", null);
            if (status == order.Status) return new Applied(order.User, word, null);

            await OrderStore.SetStatusAsync(session, order.Id, status, token);
            return new Applied(order.User, word, await MoveCreditsAsync(session, order, effect, token));
        }, cancellationToken);

        if (outcome.Problem is null && outcome.Value.Movement is { } movement) events.Publish(outcome.Value.User, movement);
        return outcome.Map(applied => new WebhookReply(applied.Word));
    }

    private static async Task<Movement?> MoveCreditsAsync(SqlSession session, Order order, OrderEffect effect, CancellationToken cancellationToken)
    {
        if (effect is OrderEffect.TakeCreditsBack) return await LedgerStore.RefundAsync(session, order.User, order.Id, order.Credits, cancellationToken);
        if (effect is not OrderEffect.GiveCredits) return null;
        var movement = await LedgerStore.PurchaseAsync(session, order.User, order.Id, order.Credits, cancellationToken);
        await Outbox.AppendAsync(session, Topics.CreditsPurchased, order.Id.Value, EventJson.Write(new CreditsPurchased(order.Id, order.User, order.Credits)), cancellationToken);
        return movement;
    }

    private sealed record Applied(UserId User, string Word, Movement? Movement);
}
