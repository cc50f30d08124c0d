using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments.Orders;

/// <param name="PackId">One of <c>GET /credit-packs</c>. Price and credits are the server's.</param>
internal sealed record CreateOrderRequest(string PackId);

/// <summary>Orders a credit pack. The key, the order and the reply are one transaction: a repetition is answered with the same bytes, whatever is for sale by then.</summary>
internal sealed class CreateOrder(PaymentsDatabase database, PaymentsOptions options) : IUseCase<CreateOrderRequest, StoredReply>
{
    public Task<Outcome<StoredReply>> HandleAsync(CreateOrderRequest request, Call call, CancellationToken cancellationToken)
    {
        var user = new UserId(call.Caller.Subject);
        return database.TransactAsync<Outcome<StoredReply>>(user.Slot(), async (session, token) =>
        {
            switch (await IdempotencyLedger.ClaimAsync(session, user.Value, call.Key, token))
            {
                case IdempotencyClaim.Replay replay: return replay.Reply;
                case IdempotencyClaim.Mismatch or IdempotencyClaim.Pending: return HttpProblems.IdempotencyKeyReused.Because("This key was sent with another request; use a new one for a new order.");
            }

            if (options.PacksForSale.FirstOrDefault(pack => pack.Id == request.PackId) is not { } pack)
            {
                return PaymentProblems.NoSuchPack.Because("Choose one of GET /api/v1/credit-packs.", [new FieldError("/packId", "There is no pack with this id.")]);
            }
            if (!options.CanCheckOut) return PaymentProblems.NoProvider.Because("Nothing can be bought here until an operator configures a payment provider.");

            var order = await OrderStore.AddAsync(session, user, pack, options.CheckoutProvider, token);
            return await IdempotencyLedger.StoreAsync(session, user.Value, call.Key, ApiJson.Reply(201, OrderReply.Of(order, options)), token);
        }, cancellationToken);
    }
}
