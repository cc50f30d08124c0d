using System.Runtime.InteropServices;

namespace SkyRiff.Resilience.Limits;

/// <summary>What one process knows about one key of a <see cref="DeferredLimiter"/>.</summary>
[StructLayout(LayoutKind.Auto)]
internal record struct DeferredState
{
    /// <summary>While nothing was left: when to try one again.</summary>
    public long TryAt;

    /// <summary>When everything is available again, if nobody takes any more: until then the answer is worth something.</summary>
    public long ResetAt;

    /// <summary>What was left for all processes when the store answered.</summary>
    public long Remaining;

    /// <summary>Taken here, and not told to the store yet.</summary>
    public int Owed;

    /// <summary>Taken here, and being told now.</summary>
    public int Telling;

    /// <summary>The key waits to be told.</summary>
    public bool IsQueued;
}

/// <summary>
/// The rule by which a process decides before the store has heard of it. It may take its share of what was left when the store last answered, counted
/// from that answer; of a key that it knows nothing about, its share of the whole limit. If the shares sum to one, processes that hear at the same time
/// never take more together than was left; what is taken too much on old knowledge is charged all the same, and so missing afterwards. Pure.
/// </summary>
internal readonly struct DeferredRule(long limit, double share, long restNanoseconds) : ILimitAlgorithm<DeferredState>
{
    /// <summary>How long to wait when what may be taken here is used up and the answer that allows more is on its way.</summary>
    private const long AnswerNanoseconds = 10_000_000;

    /// <summary>A part of this size used to half is told at once, so that the next part is there in time.</summary>
    private const long HurryFrom = 8;

    public long Limit { get; } = limit;

    public LimitDecision Take(ref DeferredState state, long cost, long now) => Take(ref state, now, out _, out _);

    /// <summary>One unit. <paramref name="mustQueue"/>: the caller puts the key into the queue of those to be told; <paramref name="isUrgent"/>: soon.</summary>
    public LimitDecision Take(ref DeferredState state, long now, out bool mustQueue, out bool isUrgent)
    {
        var isKnown = now < state.ResetAt;
        var allowance = !isKnown ? Part(Limit) : state.Remaining > 0 ? Part(state.Remaining) : now >= state.TryAt ? 1 : 0;
        var used = state.Owed + state.Telling;
        var reset = isKnown ? Math.Max(0, state.ResetAt - now) : 0;
        isUrgent = mustQueue = false;
        if (used >= allowance)
        {
            mustQueue = state.Owed > 0 && !state.IsQueued;
            state.IsQueued |= mustQueue;
            var wait = isKnown && state.Remaining == 0 && state.TryAt > now ? state.TryAt - now : AnswerNanoseconds;
            return LimitDecision.Refused(Limit, 0, Math.Max(reset, wait), wait);
        }
        state.Owed++;
        mustQueue = !state.IsQueued;
        state.IsQueued = true;
        isUrgent = allowance >= HurryFrom && (used + 1) * 2 >= allowance;
        return LimitDecision.Allowed(Limit, Math.Max(0, (isKnown ? state.Remaining : Limit) - used - 1), reset);
    }

    /// <summary>The key's turn to be told has come: what to tell.</summary>
    public static int Tell(ref DeferredState state)
    {
        state.IsQueued = false;
        if (state.Telling > 0) return 0; // one at a time; what is owed goes with the next
        (state.Telling, state.Owed) = (state.Owed, 0);
        return state.Telling;
    }

    /// <summary>The store's answer: what is left, when one more may be taken, and when all.</summary>
    public void Hear(ref DeferredState state, long remaining, long retryNanoseconds, long resetNanoseconds, long now)
    {
        state.Telling = 0;
        state.Remaining = remaining;
        state.ResetAt = now + resetNanoseconds;
        state.TryAt = remaining > 0 ? 0 : now + Math.Max(retryNanoseconds, restNanoseconds);
    }

    /// <summary>The store did not answer: what was to be told is still owed.</summary>
    public void Miss(ref DeferredState state)
    {
        state.Owed = (int)Math.Min(Limit, (long)state.Owed + state.Telling);
        state.Telling = 0;
    }

    public void GiveBack(ref DeferredState state, long cost, long now) => state.Owed -= (int)Math.Min(cost, state.Owed);

    public bool IsIdle(DeferredState state, long now) => state.Owed + state.Telling == 0 && !state.IsQueued && now >= state.ResetAt;

    public long Importance(DeferredState state, long now) => state.IsQueued || state.Telling > 0 ? long.MaxValue - 1 : Math.Max(state.TryAt - now, 0) + state.Owed;

    public void Clear(ref DeferredState state) => state = default;

    public long ExtraBytes(DeferredState state) => 0;

    private long Part(long whole) => Math.Max(1, (long)(whole * share));
}
