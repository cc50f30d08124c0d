using System.Runtime.InteropServices;

namespace SkyRiff.Resilience.Limits;

/// <summary>Two counters: of the fixed window number <see cref="Window"/> and of the one before.</summary>
[StructLayout(LayoutKind.Auto)]
public record struct SlidingWindowState(long Window, int Previous, int Current);

/// <summary>
/// A sliding window approximated by two fixed ones: what the window before took is assumed to be spread evenly and fades out as the current
/// window fills. 16 bytes per key whatever the limit; off by what the spread was uneven, never by more than the previous window's
/// count. Where that matters and limits are small, <see cref="ExactSlidingWindow"/> counts each.
/// </summary>
public readonly struct SlidingWindow : ILimitAlgorithm<SlidingWindowState>
{
    private readonly long _window;

    /// <param name="limit">What a window takes; 1 .. 2^31-1.</param>
    /// <param name="window">Its length.</param>
    public SlidingWindow(int limit, TimeSpan window)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
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
    public SlidingWindow Times(double share)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(share, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        return new(Math.Max(1, (int)(Limit * share)), Window);
    }

    /// <inheritdoc/>
    public LimitDecision Take(ref SlidingWindowState state, long cost, long now)
    {
        var number = Math.DivRem(now, _window, out var elapsed);
        if (number < state.Window) (number, elapsed) = (state.Window, 0); // a clock that was read before another caller's
        var (previous, current) = Rolled(state, number);
        var left = _window - elapsed;
        var faded = Faded(previous, left);
        var used = faded + current;
        if ((ulong)cost > (ulong)Limit)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(cost);
            return LimitDecision.Refused(Limit, Math.Max(0, Limit - used), Reset(previous, current, left), long.MaxValue);
        }
        if (used + cost > Limit)
        {
            return LimitDecision.Refused(Limit, Math.Max(0, Limit - used), Reset(previous, current, left), Wait(previous, current, cost, elapsed, left));
        }
        if (cost > 0)
        {
            current += (int)cost;
            state = new SlidingWindowState(number, previous, current);
        }
        return LimitDecision.Allowed(Limit, Limit - used - cost, Reset(previous, current, left));
    }

    /// <inheritdoc/>
    public void GiveBack(ref SlidingWindowState state, long cost, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        var number = Math.Max(now / _window, state.Window);
        var (previous, current) = Rolled(state, number);
        var fromCurrent = (int)Math.Min(cost, current);
        var fromPrevious = (int)Math.Min(cost - fromCurrent, previous);
        state = new SlidingWindowState(number, previous - fromPrevious, current - fromCurrent);
    }

    /// <inheritdoc/>
    public bool IsIdle(SlidingWindowState state, long now)
    {
        var age = (now / _window) - state.Window;
        return age >= 2 || (age == 1 ? state.Current == 0 : (state.Current | state.Previous) == 0);
    }

    /// <inheritdoc/>
    public long Importance(SlidingWindowState state, long now)
    {
        var (previous, current) = Rolled(state, now / _window);
        return (long)previous + (2L * current);
    }

    /// <inheritdoc/>
    public void Clear(ref SlidingWindowState state) => state = default;

    /// <inheritdoc/>
    public long ExtraBytes(SlidingWindowState state) => 0;

    private static (int Previous, int Current) Rolled(SlidingWindowState state, long number) => (number - state.Window) switch
    {
        <= 0 => (state.Previous, state.Current),
        1 => (state.Current, 0),
        _ => (0, 0),
    };

    // Rounded up: a fraction of a request that still counts is one that still counts.
    private long Faded(int previous, long left)
    {
        if (previous == 0) return 0;
        var product = (UInt128)(uint)previous * (ulong)left;
        return product <= ulong.MaxValue ? (long)(((ulong)product + (ulong)_window - 1) / (ulong)_window) : (long)((product + (ulong)_window - 1) / (ulong)_window);
    }

    private long Reset(int previous, int current, long left) => current > 0 ? left + _window : previous > 0 ? left : 0;

    // When, if nothing else is taken, the faded count leaves room for the cost: in this window, or in the next, where Current is the one that fades.
    private long Wait(int previous, int current, long cost, long elapsed, long left)
    {
        var room = Limit - current - cost;
        if (room >= 0) return FadedTo(previous, room) - elapsed;
        return left + FadedTo(current, Limit - cost);
    }

    // The smallest time into a window at which ceil(count * (window - time) / window) <= room.
    private long FadedTo(int count, long room)
    {
        if (count <= room) return 0;
        return _window - (long)((UInt128)(ulong)room * (ulong)_window / (uint)count);
    }
}
