namespace SkyRiff.Resilience.Limits;

/// <summary>A refusal that was heard from the store: what costs at least so much need not be asked before it is over.</summary>
internal readonly record struct Refusal(long Until, long ResetAt, long Cost, long Remaining);

/// <summary>
/// Answers from remembered refusals and allows everything else. A refusal's retry-after says when the cost would be allowed if nobody else took anything;
/// others can only make it later, so refusing until then is never wrong (but for what is given back meanwhile).
/// </summary>
internal readonly struct RefusalMemory(long limit) : ILimitAlgorithm<Refusal>
{
    public long Limit { get; } = limit;

    public LimitDecision Take(ref Refusal state, long cost, long now) => now < state.Until && cost >= state.Cost
        ? LimitDecision.Refused(Limit, state.Remaining, Math.Max(0, state.ResetAt - now), state.Until - now)
        : LimitDecision.Allowed(Limit, Limit, 0);

    public void GiveBack(ref Refusal state, long cost, long now) => state = default;

    public bool IsIdle(Refusal state, long now) => state.Until <= now;

    public long Importance(Refusal state, long now) => state.Until - now;

    public void Clear(ref Refusal state) => state = default;

    public long ExtraBytes(Refusal state) => 0;
}
