namespace SkyRiff.Contracts;

/// <summary>What a user's plan allows; Payments knows, because plans are sold there.</summary>
public interface IEntitlements
{
    Task<Entitlements> OfAsync(UserId user, CancellationToken cancellationToken);
}

/// <param name="Plan">The plan's id, <c>free</c> without a subscription.</param>
/// <param name="GenerationsPerDay">Accepted per UTC day.</param>
/// <param name="GenerationsAtOnce">Unfinished ones per user.</param>
/// <param name="Priority">Jobs of a higher one are claimed first; 0 for free.</param>
public sealed record Entitlements(string Plan, int GenerationsPerDay, int GenerationsAtOnce, short Priority);
