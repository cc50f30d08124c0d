namespace SkyRiff.Resilience.Limits;

/// <summary>
/// What a limit answers. <paramref name="Remaining"/> is what could be taken right now after this decision; <paramref name="Reset"/> is how
/// long until everything is available again; <paramref name="RetryAfter"/> is zero when allowed, else how long until the same cost
/// would be allowed if nothing else is taken (<see cref="Never"/> when the cost exceeds the whole limit).
/// </summary>
public readonly record struct LimitDecision(bool IsAllowed, long Limit, long Remaining, TimeSpan Reset, TimeSpan RetryAfter)
{
    /// <summary>The <see cref="RetryAfter"/> of a request that no waiting helps.</summary>
    public static readonly TimeSpan Never = TimeSpan.MaxValue;

    internal static LimitDecision Allowed(long limit, long remaining, long resetNanoseconds) =>
        new(true, limit, remaining, MonotonicClock.Duration(resetNanoseconds), TimeSpan.Zero);

    internal static LimitDecision Refused(long limit, long remaining, long resetNanoseconds, long retryNanoseconds) => new(
        false,
        limit,
        remaining,
        MonotonicClock.Duration(resetNanoseconds),
        retryNanoseconds == long.MaxValue ? Never : MonotonicClock.Duration(retryNanoseconds));
}
