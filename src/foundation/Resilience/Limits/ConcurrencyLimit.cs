namespace SkyRiff.Resilience.Limits;

/// <summary>How much is held at this moment.</summary>
public record struct ConcurrencyState(long Held);

/// <summary>
/// At most <see cref="Limit"/> at the same time: what is taken is held until it is given back. Time gives nothing back, so
/// <see cref="LimitDecision.Reset"/> is zero and <see cref="LimitDecision.RetryAfter"/> is a guess of one second.
/// </summary>
public readonly struct ConcurrencyLimit : ILimitAlgorithm<ConcurrencyState>
{
    /// <summary>Nobody knows when a holder is done; a client that is told nothing comes back at once.</summary>
    private const long RetryGuess = MonotonicClock.NanosecondsPerSecond;

    public ConcurrencyLimit(long limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        Limit = limit;
    }

    /// <inheritdoc/>
    public long Limit { get; }

    /// <inheritdoc/>
    public LimitDecision Take(ref ConcurrencyState state, long cost, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        var left = Limit - state.Held;
        if (cost > left) return LimitDecision.Refused(Limit, left, 0, cost > Limit ? long.MaxValue : RetryGuess);
        state.Held += cost;
        return LimitDecision.Allowed(Limit, left - cost, 0);
    }

    /// <inheritdoc/>
    public void GiveBack(ref ConcurrencyState state, long cost, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        state.Held = Math.Max(0, state.Held - cost);
    }

    /// <inheritdoc/>
    public bool IsIdle(ConcurrencyState state, long now) => state.Held == 0;

    /// <summary>Who still holds is never forgotten: a full table refuses newcomers instead.</summary>
    public long Importance(ConcurrencyState state, long now) => long.MaxValue;

    /// <inheritdoc/>
    public void Clear(ref ConcurrencyState state) => state = default;

    /// <inheritdoc/>
    public long ExtraBytes(ConcurrencyState state) => 0;
}
