namespace SkyRiff.Resilience.Limits;

/// <summary>
/// A limit as a pure rule over a small state that belongs to one key. The default state is that of a key that was never seen, so what
/// <see cref="IsIdle"/> can be forgotten without anybody noticing. Times are nanoseconds of a <see cref="MonotonicClock"/>.
/// </summary>
/// <typeparam name="TState">What is remembered per key.</typeparam>
public interface ILimitAlgorithm<TState>
    where TState : struct
{
    /// <summary>The most that can be taken at once.</summary>
    long Limit { get; }

    /// <summary>Takes <paramref name="cost"/> if the rule allows it; a refusal changes nothing. A cost of zero only looks.</summary>
    LimitDecision Take(ref TState state, long cost, long now);

    /// <summary>Gives back what was taken but not used.</summary>
    void GiveBack(ref TState state, long cost, long now);

    /// <summary>The state answers like the default state from now on.</summary>
    bool IsIdle(TState state, long now);

    /// <summary>
    /// How much would be lost by forgetting the state now: a full table forgets the smallest first. <see cref="long.MaxValue"/> is never forgotten.
    /// </summary>
    long Importance(TState state, long now);

    /// <summary>Makes the state that of a new key; may keep buffers.</summary>
    void Clear(ref TState state);

    /// <summary>What the state holds beyond its own size, in bytes.</summary>
    long ExtraBytes(TState state);
}
