using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Payments.Orders;

namespace SkyRiff.Payments.Plans;

/// <param name="PeriodDays">How long a payment lasts; 0 for ever.</param>
/// <param name="Priority">Generations of a higher one go first.</param>
internal sealed record PlanReply(string Id, string Name, Money Price, int PeriodDays, long DailyCredits, int GenerationsPerDay, int GenerationsAtOnce, short Priority);

/// <summary>The plans, in the operator's order.</summary>
internal sealed class ListPlans(PaymentsOptions options) : IUseCase<ListReply<PlanReply>>
{
    private readonly ListReply<PlanReply> _reply = new(
        [.. options.PlansForSale.Select(plan => new PlanReply(plan.Id, plan.Name, new Money(plan.PriceAmount, plan.PriceCurrency), plan.PeriodDays, plan.DailyCredits, plan.GenerationsPerDay, plan.GenerationsAtOnce, plan.Priority))], null);

    public Task<Outcome<ListReply<PlanReply>>> HandleAsync(Call call, CancellationToken cancellationToken) => Task.FromResult<Outcome<ListReply<PlanReply>>>(_reply);
}
