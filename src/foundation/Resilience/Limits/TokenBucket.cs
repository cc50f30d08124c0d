namespace SkyRiff.Resilience.Limits;

/// <summary>The state of one bucket: when it will be full again; the past means full.</summary>
public record struct TokenBucketState(long FullAt);

/// <summary>
/// A token bucket in the form of the generic cell rate algorithm (ITU-T I.371): it holds <see cref="Limit"/> tokens, gains one per
/// <see cref="NanosecondsPerToken"/>, and its whole state is the moment when it will be full. In any span of time t it lets at most
/// <c>Limit + t / NanosecondsPerToken</c> through. The interval is rounded up to a whole nanosecond, so the bucket never gives more than asked.
/// </summary>
public readonly struct TokenBucket : ILimitAlgorithm<TokenBucketState>
{
    private readonly long _depth; // nanoseconds from empty to full

    /// <param name="capacity">The burst: tokens in a full bucket; at least 1.</param>
    /// <param name="tokensPerPeriod">What is gained in <paramref name="period"/>; at most one per nanosecond.</param>
    /// <param name="period">The time in which <paramref name="tokensPerPeriod"/> are gained.</param>
    public TokenBucket(long capacity, long tokensPerPeriod, TimeSpan period)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokensPerPeriod, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        var nanoseconds = MonotonicClock.Nanoseconds(period);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokensPerPeriod, nanoseconds);
        Limit = capacity;
        NanosecondsPerToken = (nanoseconds / tokensPerPeriod) + (nanoseconds % tokensPerPeriod == 0 ? 0 : 1);
        if (NanosecondsPerToken > DepthMax / capacity) throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "Filling the bucket would take more than 73 years.");
        _depth = capacity * NanosecondsPerToken;
    }

    /// <summary>A quarter of the clock's range, so that no sum of a time and a depth overflows.</summary>
    private const long DepthMax = long.MaxValue / 4;

    /// <summary>Tokens in a full bucket.</summary>
    public long Limit { get; }

    /// <summary>The time that gains one token.</summary>
    public long NanosecondsPerToken { get; }

    /// <summary>The same rule for a share of the traffic: burst and rate times <paramref name="share"/>, but a burst of at least one.</summary>
    public TokenBucket Times(double share) => new(share, this);

    private TokenBucket(double share, TokenBucket whole)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(share, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        Limit = Math.Max(1, (long)(whole.Limit * share));
        NanosecondsPerToken = (long)Math.Min(Math.Ceiling(whole.NanosecondsPerToken / share), (double)(DepthMax / Limit));
        _depth = Limit * NanosecondsPerToken;
    }

    /// <inheritdoc/>
    public LimitDecision Take(ref TokenBucketState state, long cost, long now)
    {
        var fullAt = Math.Max(state.FullAt, now);
        var missing = fullAt - now; // nanoseconds worth of tokens that are out
        if ((ulong)cost > (ulong)Limit)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(cost);
            return LimitDecision.Refused(Limit, Whole(missing), missing, long.MaxValue);
        }
        var wanted = missing + (cost * NanosecondsPerToken);
        if (wanted > _depth) return LimitDecision.Refused(Limit, Whole(missing), missing, wanted - _depth);
        state.FullAt = now + wanted;
        return LimitDecision.Allowed(Limit, Whole(wanted), wanted);
    }

    /// <inheritdoc/>
    public void GiveBack(ref TokenBucketState state, long cost, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        if (state.FullAt > now) state.FullAt = Math.Max(now, state.FullAt - (Math.Min(cost, Limit) * NanosecondsPerToken));
    }

    /// <inheritdoc/>
    public bool IsIdle(TokenBucketState state, long now) => state.FullAt <= now;

    /// <inheritdoc/>
    public long Importance(TokenBucketState state, long now) => state.FullAt - now;

    /// <inheritdoc/>
    public void Clear(ref TokenBucketState state) => state = default;

    /// <inheritdoc/>
    public long ExtraBytes(TokenBucketState state) => 0;

    private long Whole(long missing) => Math.Max(0, _depth - missing) / NanosecondsPerToken;
}
