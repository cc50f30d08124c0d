using SkyRiff.Contracts;

namespace SkyRiff.Payments.Plans;

/// <summary>What the user's plan allows. Everybody is on the free plan until plans can be subscribed to, so nothing is read.</summary>
internal sealed class PlanEntitlements(PaymentsOptions options) : IEntitlements
{
    private readonly Task<Entitlements> _free = Task.FromResult(Of(options.PlansForSale.Single(plan => plan.Id == PlanOptions.Free)));

    public Task<Entitlements> OfAsync(UserId user, CancellationToken cancellationToken) => _free;

    private static Entitlements Of(PlanOptions plan) => new(plan.Id, plan.GenerationsPerDay, plan.GenerationsAtOnce, plan.Priority);
}
