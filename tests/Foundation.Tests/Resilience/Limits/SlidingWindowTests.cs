using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Resilience.Limits;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

public sealed class SlidingWindowTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void An_exact_window_answers_like_a_list_of_everything() => Prop.ForAll(Ask.Sequences, asks =>
    {
        var window = new ExactSlidingWindow(9, TimeSpan.FromSeconds(1));
        var state = default(ExactSlidingWindowState);
        var model = new ListWindow(9, Second);
        var now = 7L;
        foreach (var ask in asks)
        {
            now += ask.After;
            var decision = window.Take(ref state, ask.Cost, now);
            if (decision.IsAllowed != model.Take(ask.Cost, now) || decision.Remaining != 9 - model.Used(now)) return false;
            if (window.IsIdle(state, now) != (model.Used(now) == 0)) return false;
            // Times are answered in steps of 100 ns, rounded up: the clock here stands 7 ns into one.
            var wait = decision.RetryAfter.Ticks * 100;
            if (!decision.IsAllowed && (model.Used(now + wait) + ask.Cost > 9 || model.Used(now + wait - 100) + ask.Cost <= 9)) return false;
            if (model.Used(now + (decision.Reset.Ticks * 100)) != 0) return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_exact_windows_ring_grows_and_wraps_to_its_largest_limit()
    {
        var window = new ExactSlidingWindow(ExactSlidingWindow.LimitMax, TimeSpan.FromSeconds(1));
        var state = default(ExactSlidingWindowState);
        var model = new ListWindow(ExactSlidingWindow.LimitMax, Second);
        for (var i = 0; i < 20_000; i++)
        {
            var now = i * 200_000L; // 5,000 a second
            var allowed = window.Take(ref state, 1, now).IsAllowed;
            if (i % 97 == 0 || i < 5_000) allowed.ShouldBe(model.Used(now) < ExactSlidingWindow.LimitMax);
            if (allowed) model.Take(1, now);
        }
        window.ExtraBytes(state).ShouldBeInRange(65_536, 65_600);
    }

    [Fact]
    public void Giving_back_undoes_the_newest_takes_of_both_windows()
    {
        var exact = new ExactSlidingWindow(5, TimeSpan.FromSeconds(1));
        var exactState = default(ExactSlidingWindowState);
        exact.Take(ref exactState, 2, 0);
        exact.Take(ref exactState, 3, Second / 2);
        exact.GiveBack(ref exactState, 4, Second / 2);
        exact.Take(ref exactState, 0, Second / 2).ShouldBe(new LimitDecision(true, 5, 4, TimeSpan.FromSeconds(0.5), TimeSpan.Zero));

        var counted = new SlidingWindow(5, TimeSpan.FromSeconds(1));
        var countedState = default(SlidingWindowState);
        counted.Take(ref countedState, 2, 0);
        counted.Take(ref countedState, 3, Second);
        counted.GiveBack(ref countedState, 4, Second);
        counted.Take(ref countedState, 0, Second).Remaining.ShouldBe(4);
    }

    [Fact]
    public void A_counted_window_fades_the_one_before()
    {
        var window = new SlidingWindow(100, TimeSpan.FromSeconds(60));
        var state = default(SlidingWindowState);
        window.Take(ref state, 80, 30 * Second);

        window.Take(ref state, 0, 60 * Second).Remaining.ShouldBe(20);
        window.Take(ref state, 0, 75 * Second).Remaining.ShouldBe(40);
        window.Take(ref state, 60, 75 * Second).IsAllowed.ShouldBeFalse();
        window.Take(ref state, 60, 90 * Second).ShouldBe(new LimitDecision(true, 100, 0, TimeSpan.FromSeconds(90), TimeSpan.Zero));
        window.IsIdle(state, 179 * Second).ShouldBeFalse();
        window.IsIdle(state, 180 * Second).ShouldBeTrue();
    }

    [Fact]
    public void A_counted_windows_retry_after_is_the_first_moment_that_works() => Prop.ForAll(Ask.Sequences, asks =>
    {
        var window = new SlidingWindow(9, TimeSpan.FromSeconds(1));
        var state = default(SlidingWindowState);
        var now = 3 * Second;
        foreach (var ask in asks)
        {
            now += ask.After;
            var decision = window.Take(ref state, ask.Cost, now);
            var (atOnce, tooMuch) = (state, state);
            if (!window.Take(ref atOnce, decision.Remaining, now).IsAllowed || window.Take(ref tooMuch, decision.Remaining + 1, now).IsAllowed) return false;
            if (!window.IsIdle(state, now + (decision.Reset.Ticks * 100))) return false;
            if (decision.IsAllowed) continue;
            var (early, inTime) = (state, state);
            var wait = decision.RetryAfter.Ticks * 100;
            if (window.Take(ref early, ask.Cost, now + wait - 100).IsAllowed || !window.Take(ref inTime, ask.Cost, now + wait).IsAllowed) return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_counted_window_passes_at_most_the_limit_in_a_fixed_window_and_twice_that_in_any() => Prop.ForAll(Ask.Sequences, asks =>
    {
        var window = new SlidingWindow(9, TimeSpan.FromSeconds(1));
        var state = default(SlidingWindowState);
        var model = new ListWindow(long.MaxValue, Second);
        var perWindow = new Dictionary<long, long>();
        var now = 0L;
        foreach (var ask in asks)
        {
            now += ask.After;
            if (!window.Take(ref state, ask.Cost, now).IsAllowed) continue;
            model.Take(ask.Cost, now);
            perWindow[now / Second] = perWindow.GetValueOrDefault(now / Second) + ask.Cost;
            if (perWindow[now / Second] > 9 || model.Used(now) > 18) return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_clock_that_was_read_a_little_earlier_neither_loses_nor_invents_takes()
    {
        var window = new SlidingWindow(10, TimeSpan.FromSeconds(1));
        var state = default(SlidingWindowState);
        window.Take(ref state, 6, Second);
        window.Take(ref state, 4, Second - 1).IsAllowed.ShouldBeTrue();
        window.Take(ref state, 1, Second).IsAllowed.ShouldBeFalse();

        var exact = new ExactSlidingWindow(10, TimeSpan.FromSeconds(1));
        var exactState = default(ExactSlidingWindowState);
        exact.Take(ref exactState, 6, Second);
        exact.Take(ref exactState, 4, Second - 1).IsAllowed.ShouldBeTrue();
        exact.Take(ref exactState, 1, (2 * Second) - 1).IsAllowed.ShouldBeFalse();
        exact.Take(ref exactState, 10, 2 * Second).IsAllowed.ShouldBeTrue();
    }
}
