using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Resilience.Calls;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Calls;

public sealed class CircuitBreakerTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void Half_of_the_last_ten_opens_it_for_thirty_seconds_and_one_good_probe_closes_it()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerOptions());
        var states = new List<BreakerState>();
        breaker.Changed += states.Add;

        Calls(breaker, 5, Verdict.Succeeded, Second);
        Calls(breaker, 4, Verdict.Failed, Second);
        breaker.StateAt(Second).ShouldBe(BreakerState.Closed);
        Calls(breaker, 1, Verdict.Failed, Second);

        breaker.StateAt(Second).ShouldBe(BreakerState.Open);
        breaker.TryEnter(2 * Second).ShouldBe(new BreakerPermit(false, false, 2, TimeSpan.FromSeconds(29)));
        breaker.TryEnter((31 * Second) - 1).IsAllowed.ShouldBeFalse();

        var probe = breaker.TryEnter(31 * Second);
        (probe.IsAllowed, probe.IsProbe).ShouldBe((true, true));
        for (var i = 0; i < 100; i++) breaker.TryEnter(31 * Second).IsAllowed.ShouldBeFalse();
        breaker.Report(probe, Verdict.Succeeded, 1, 32 * Second);

        breaker.TryEnter(32 * Second).ShouldSatisfyAllConditions(permit => permit.IsAllowed.ShouldBeTrue(), permit => permit.IsProbe.ShouldBeFalse());
        states.ShouldBe([BreakerState.Open, BreakerState.HalfOpen, BreakerState.Closed]);
    }

    [Fact]
    public void A_bad_probe_opens_it_again_and_a_lost_one_makes_way_for_another()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerOptions { ProbesToClose = 2 });
        Calls(breaker, 10, Verdict.Failed, 0);

        var bad = breaker.TryEnter(30 * Second);
        breaker.Report(bad, Verdict.Failed, 1, 31 * Second);
        breaker.TryEnter(60 * Second).IsAllowed.ShouldBeFalse();

        var lost = breaker.TryEnter(61 * Second);
        lost.IsProbe.ShouldBeTrue();
        breaker.TryEnter(90 * Second).IsAllowed.ShouldBeFalse();
        var second = breaker.TryEnter(91 * Second);
        second.IsProbe.ShouldBeTrue();
        breaker.Report(lost, Verdict.Failed, 1, 91 * Second); // too late to matter
        breaker.Report(second, Verdict.Succeeded, 1, 91 * Second);
        breaker.StateAt(91 * Second).ShouldBe(BreakerState.HalfOpen);

        var left = breaker.TryEnter(91 * Second);
        breaker.Report(left, Verdict.Abandoned, 1, 91 * Second);
        var third = breaker.TryEnter(91 * Second);
        third.IsProbe.ShouldBeTrue();
        breaker.Report(third, Verdict.Succeeded, 1, 92 * Second);
        breaker.StateAt(92 * Second).ShouldBe(BreakerState.Closed);
    }

    [Fact]
    public void Refusals_keep_it_closed_and_abandoned_calls_say_nothing()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerOptions());
        Calls(breaker, 4, Verdict.Failed, 0);
        for (var i = 0; i < 500; i++)
        {
            Calls(breaker, 1, Verdict.Refused, 0);
            Calls(breaker, 1, Verdict.Abandoned, 0);
            if (i % 10 == 9) Calls(breaker, 1, Verdict.Failed, 0);
        }
        breaker.StateAt(0).ShouldBe(BreakerState.Closed);
    }

    [Fact]
    public void Slow_calls_open_it_although_they_succeed()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerOptions { SlowDuration = TimeSpan.FromSeconds(2), SlowShare = 0.8, CallsMin = 5 });
        for (var i = 0; i < 5; i++)
        {
            breaker.StateAt(0).ShouldBe(BreakerState.Closed);
            breaker.Report(breaker.TryEnter(0), Verdict.Succeeded, i == 2 ? Second : 2 * Second, 0);
        }
        breaker.StateAt(0).ShouldBe(BreakerState.Open);
    }

    [Fact]
    public void A_call_from_before_it_opened_changes_nothing_after()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerOptions());
        var old = breaker.TryEnter(0);
        Calls(breaker, 10, Verdict.Failed, 0);
        breaker.Report(old, Verdict.Succeeded, 1, 0);
        breaker.StateAt(0).ShouldBe(BreakerState.Open);

        var probe = breaker.TryEnter(30 * Second);
        breaker.Report(old, Verdict.Failed, 1, 30 * Second);
        breaker.StateAt(30 * Second).ShouldBe(BreakerState.HalfOpen);
        breaker.Report(probe, Verdict.Succeeded, 1, 30 * Second);
        breaker.Report(old, Verdict.Failed, 1, 30 * Second);
        breaker.StateAt(30 * Second).ShouldBe(BreakerState.Closed);
    }

    [Fact]
    public void It_opens_exactly_when_the_last_calls_say_so() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(0, 2)).Resize(300).ToArbitrary(),
        Gen.Choose(1, 130).ToArbitrary(),
        (outcomes, window) =>
        {
            var min = (window + 1) / 2;
            var breaker = new CircuitBreaker(new CircuitBreakerOptions { WindowCalls = window, CallsMin = min, FailureShare = 0.4 });
            var seen = new Queue<bool>();
            foreach (var outcome in outcomes)
            {
                breaker.Report(breaker.TryEnter(0), outcome == 0 ? Verdict.Failed : Verdict.Succeeded, 1, 0);
                seen.Enqueue(outcome == 0);
                if (seen.Count > window) seen.Dequeue();
                var isOpen = seen.Count >= min && seen.Count(failed => failed) >= 0.4 * seen.Count;
                if (isOpen != (breaker.StateAt(0) == BreakerState.Open)) return false;
                if (isOpen) return true;
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_decision_and_its_report_allocate_nothing()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerOptions());
        Calls(breaker, 1_000, Verdict.Succeeded, 0);
        Allocations.Of(() => Calls(breaker, 1_000, Verdict.Succeeded, 0)).ShouldBe(0);
    }

    private static void Calls(CircuitBreaker breaker, int count, Verdict verdict, long now)
    {
        for (var i = 0; i < count; i++) breaker.Report(breaker.TryEnter(now), verdict, 1, now);
    }
}
