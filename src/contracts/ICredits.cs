using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Contracts;

/// <summary>
/// What Payments does for the service that makes videos. Everything is keyed by the generation and may be repeated any number of times:
/// the first call decides, later ones answer what was decided. A hold ends in exactly one of captured and released.
/// </summary>
public interface ICredits
{
    /// <summary>Opens the user's wallet with the starter grant; once, however often it is called.</summary>
    Task OpenWalletAsync(UserId user, CancellationToken cancellationToken);

    /// <summary>Moves credits aside. Refused with <see cref="CreditProblems.Insufficient"/>, or with <see cref="CreditProblems.Settled"/> when the generation's hold has ended already.</summary>
    Task<Outcome<Hold>> HoldAsync(UserId user, GenerationId generation, long credits, CancellationToken cancellationToken);

    /// <summary>Spends the held credits. Answers the hold as it ended: <see cref="HoldState.Released"/> means that a release came first.</summary>
    Task<Hold> CaptureAsync(UserId user, GenerationId generation, CancellationToken cancellationToken);

    /// <summary>
    /// Gives the held credits back. Releasing what was never held leaves a mark with zero credits, so that a late hold of the same
    /// generation is refused. <see cref="HoldState.Captured"/> in the answer means that a capture came first.
    /// </summary>
    Task<Hold> ReleaseAsync(UserId user, GenerationId generation, CancellationToken cancellationToken);
}

public enum HoldState
{
    Held,
    Captured,
    Released,
}

public sealed record Hold(HoldState State, long Credits);

public static class CreditProblems
{
    public static readonly ProblemCode Insufficient = new("payments.insufficient_credits", ProblemCategory.PaymentRequired, "Not enough credits");
    public static readonly ProblemCode Settled = new("payments.hold_settled", ProblemCategory.Conflict, "The hold has ended");
}
