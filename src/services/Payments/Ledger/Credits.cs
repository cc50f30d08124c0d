using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments.Ledger;

/// <summary>The ledger as other services see it. Every call is one round trip to the user's shard.</summary>
internal sealed class Credits(LedgerStore ledger, WalletEvents events, PaymentsOptions options) : ICredits
{
    /// <summary>Far above any price, and far below what could overflow a balance.</summary>
    internal const long HoldCreditsMax = 1_000_000_000;

    public async Task OpenWalletAsync(UserId user, CancellationToken cancellationToken) =>
        events.Publish(user, await ledger.OpenAsync(user, options.StarterCredits, cancellationToken));

    public async Task<Outcome<Hold>> HoldAsync(UserId user, GenerationId generation, long credits, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(credits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(credits, HoldCreditsMax);
        DemandSameSlot(user, generation);
        var movement = await ledger.HoldAsync(user, generation, credits, cancellationToken);
        events.Publish(user, movement);
        return movement.State switch
        {
            null => CreditProblems.Insufficient.Because($"This costs {credits} credits, which your wallet does not have. Buy a pack, or choose a shorter or smaller clip."),
            HoldState.Held => new Hold(HoldState.Held, movement.Credits),
            _ => CreditProblems.Settled.Because("The credits of this generation were captured or released already."),
        };
    }

    public async Task<Hold> CaptureAsync(UserId user, GenerationId generation, CancellationToken cancellationToken)
    {
        DemandSameSlot(user, generation);
        return Ended(user, await ledger.CaptureAsync(user, generation, cancellationToken));
    }

    public async Task<Hold> ReleaseAsync(UserId user, GenerationId generation, CancellationToken cancellationToken)
    {
        DemandSameSlot(user, generation);
        return Ended(user, await ledger.ReleaseAsync(user, generation, cancellationToken));
    }

    private Hold Ended(UserId user, Movement movement)
    {
        events.Publish(user, movement);
        return new Hold(movement.State!.Value, movement.Credits);
    }

    /// <summary>What a user owns lives in the user's slot; another slot's generation would lose its one row of truth when slots move.</summary>
    private static void DemandSameSlot(UserId user, GenerationId generation)
    {
        if (user.Slot() != generation.Slot()) throw new ArgumentException($"Generation {generation} is in slot {generation.Slot()}, its user {user} in {user.Slot()}.", nameof(generation));
    }
}
