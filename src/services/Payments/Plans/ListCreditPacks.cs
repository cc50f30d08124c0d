using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Payments.Orders;

namespace SkyRiff.Payments.Plans;

internal sealed record CreditPackReply(string Id, string Name, long Credits, Money Price);

/// <summary>What is for sale, in the operator's order.</summary>
internal sealed class ListCreditPacks(PaymentsOptions options) : IUseCase<ListReply<CreditPackReply>>
{
    private readonly ListReply<CreditPackReply> _reply = new(
        [.. options.PacksForSale.Select(pack => new CreditPackReply(pack.Id, pack.Name, pack.Credits, new Money(pack.PriceAmount, pack.PriceCurrency)))], null);

    public Task<Outcome<ListReply<CreditPackReply>>> HandleAsync(Call call, CancellationToken cancellationToken) => Task.FromResult<Outcome<ListReply<CreditPackReply>>>(_reply);
}
