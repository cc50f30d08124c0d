using System.Runtime.InteropServices;

namespace SkyRiff.Resilience.Limits;

/// <summary>A ring of the takes that are still inside the window, oldest first.</summary>
[StructLayout(LayoutKind.Auto)]
public struct ExactSlidingWindowState
{
    internal ExactTake[]? Ring;
    internal int Head;
    internal int Count;
    internal int Used; // the sum of the costs in the ring
}

internal readonly record struct ExactTake(long At, int Cost);

/// <summary>
/// A sliding window that remembers every take: in no span of the window's length is more taken than the limit. 16 bytes per
/// remembered take, so it is for small limits (ten generations a day), up to <see cref="LimitMax"/>. The ring of a key grows by doubling and is reused.
/// </summary>
public readonly struct ExactSlidingWindow : ILimitAlgorithm<ExactSlidingWindowState>
{
    /// <summary>The largest limit; a key then holds 64 KB.</summary>
    public const int LimitMax = 4_096;

    private const int RingStart = 4;

    private readonly long _window;

    /// <param name="limit">What any window takes; 1 .. <see cref="LimitMax"/>.</param>
    /// <param name="window">Its length.</param>
    public ExactSlidingWindow(int limit, TimeSpan window)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, LimitMax);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(window, TimeSpan.Zero);
        Limit = limit;
        _window = MonotonicClock.Nanoseconds(window);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_window, long.MaxValue / 8, nameof(window));
    }

    /// <inheritdoc/>
    public long Limit { get; }

    /// <summary>The window's length.</summary>
    public TimeSpan Window => MonotonicClock.Duration(_window);

    /// <summary>The same rule for a share of the traffic: the limit times <paramref name="share"/>, but at least one.</summary>
    public ExactSlidingWindow Times(double share)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(share, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        return new(Math.Max(1, (int)(Limit * share)), Window);
    }

    /// <inheritdoc/>
    public LimitDecision Take(ref ExactSlidingWindowState state, long cost, long now)
    {
        if (state.Count > 0) now = Math.Max(now, At(state, state.Count - 1).At); // keeps the ring in order
        Forget(ref state, now);
        var left = Limit - state.Used;
        if (cost <= left && cost >= 0)
        {
            if (cost > 0) Remember(ref state, (int)cost, now);
            return LimitDecision.Allowed(Limit, left - cost, Reset(state, now));
        }
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        return LimitDecision.Refused(Limit, left, Reset(state, now), cost > Limit ? long.MaxValue : Wait(state, cost - left, now));
    }

    /// <inheritdoc/>
    public void GiveBack(ref ExactSlidingWindowState state, long cost, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        // The newest go first: they would have stayed longest.
        while (cost > 0 && state.Count > 0)
        {
            ref var newest = ref At(state, state.Count - 1);
            var part = (int)Math.Min(cost, newest.Cost);
            cost -= part;
            state.Used -= part;
            if (part == newest.Cost) state.Count--;
            else newest = newest with { Cost = newest.Cost - part };
        }
    }

    /// <inheritdoc/>
    public bool IsIdle(ExactSlidingWindowState state, long now) => state.Count == 0 || At(state, state.Count - 1).At + _window <= now;

    /// <inheritdoc/>
    public long Importance(ExactSlidingWindowState state, long now) => state.Used;

    /// <inheritdoc/>
    public void Clear(ref ExactSlidingWindowState state) => (state.Head, state.Count, state.Used) = (0, 0, 0);

    /// <inheritdoc/>
    public long ExtraBytes(ExactSlidingWindowState state) => state.Ring is null ? 0 : 24 + (state.Ring.Length * 16L);

    private static ref ExactTake At(ExactSlidingWindowState state, int index) => ref state.Ring![(state.Head + index) & (state.Ring.Length - 1)];

    private void Forget(ref ExactSlidingWindowState state, long now)
    {
        while (state.Count > 0 && At(state, 0) is var oldest && oldest.At + _window <= now)
        {
            state.Used -= oldest.Cost;
            state.Head = (state.Head + 1) & (state.Ring!.Length - 1);
            state.Count--;
        }
    }

    private static void Remember(ref ExactSlidingWindowState state, int cost, long now)
    {
        if (state.Count > 0 && At(state, state.Count - 1) is var newest && newest.At == now)
        {
            At(state, state.Count - 1) = newest with { Cost = newest.Cost + cost };
        }
        else
        {
            if (state.Ring is null) state.Ring = new ExactTake[RingStart];
            else if (state.Count == state.Ring.Length) Grow(ref state);
            state.Count++;
            At(state, state.Count - 1) = new ExactTake(now, cost);
        }
        state.Used += cost;
    }

    private static void Grow(ref ExactSlidingWindowState state)
    {
        var ring = new ExactTake[state.Ring!.Length * 2];
        for (var i = 0; i < state.Count; i++) ring[i] = At(state, i);
        (state.Ring, state.Head) = (ring, 0);
    }

    private long Reset(ExactSlidingWindowState state, long now) => state.Count == 0 ? 0 : At(state, state.Count - 1).At + _window - now;

    private long Wait(ExactSlidingWindowState state, long needed, long now)
    {
        var index = 0;
        for (needed -= At(state, 0).Cost; needed > 0; needed -= At(state, index).Cost) index++;
        return At(state, index).At + _window - now;
    }
}
