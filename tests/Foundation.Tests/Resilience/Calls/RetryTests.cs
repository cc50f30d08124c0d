using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Calls;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Calls;

public sealed class RetryTests
{
    private readonly Entropy _entropy = Entropy.Seeded(1);
    private readonly RetryPolicy _policy = new(new RetryOptions { DelayBase = TimeSpan.FromSeconds(1), DelayMax = TimeSpan.FromSeconds(4) });

    [Fact]
    public void Waits_are_spread_from_zero_to_one_then_two_then_four_seconds_and_then_it_gives_up()
    {
        var budget = new RetryBudget(new RetryBudgetOptions { Ratio = 1, ReserveMax = 10_000 });
        for (var tries = 1; tries <= 3; tries++)
        {
            var waits = Enumerable.Range(0, 1_000).Select(_ => Decide(tries, budget).Delay.TotalSeconds).ToList();
            var ceiling = Math.Pow(2, tries - 1);
            waits.Max().ShouldBeInRange(ceiling * 0.98, ceiling);
            waits.Min().ShouldBeLessThan(ceiling * 0.02);
            waits.Average().ShouldBeInRange(ceiling * 0.45, ceiling * 0.55);
        }
        Decide(4, budget).Refusal.ShouldBe(RetryRefusal.Exhausted);
    }

    [Fact]
    public void Only_repeatable_calls_that_failed_in_time_are_repeated_and_a_refusal_costs_no_budget()
    {
        var budget = new RetryBudget(new RetryBudgetOptions { ReserveMax = 1 });
        var deadline = Deadline.After(TimeSpan.FromSeconds(5), 0);

        foreach (var verdict in new[] { Verdict.Succeeded, Verdict.Refused, Verdict.FailedForGood, Verdict.Abandoned })
        {
            _policy.Decide(1, verdict, true, null, deadline, 0, budget, _entropy).Refusal.ShouldBe(RetryRefusal.Verdict);
        }
        _policy.Decide(1, Verdict.Failed, false, null, deadline, 0, budget, _entropy).Refusal.ShouldBe(RetryRefusal.NotRepeatable);
        _policy.Decide(1, Verdict.Failed, true, TimeSpan.FromSeconds(5), deadline, 0, budget, _entropy).Refusal.ShouldBe(RetryRefusal.Deadline);
        _policy.Decide(1, Verdict.Failed, true, TimeSpan.FromSeconds(4.9), deadline, 0, budget, _entropy).ShouldBe(new RetryDecision(RetryRefusal.None, TimeSpan.FromSeconds(4.9)));
        _policy.Decide(1, Verdict.Failed, true, null, deadline, 0, budget, _entropy).Refusal.ShouldBe(RetryRefusal.Budget);
    }

    [Fact]
    public void When_everything_fails_retries_add_a_tenth_and_not_a_multiple()
    {
        var budget = new RetryBudget(new RetryBudgetOptions());
        var retries = 0;
        for (var call = 0; call < 10_000; call++)
        {
            budget.OnCall();
            for (var tries = 1; Decide(tries, budget).IsAllowed; tries++) retries++;
        }
        retries.ShouldBeInRange(1_009, 1_010);
    }

    [Fact]
    public void The_budget_is_exact_under_many_threads()
    {
        var budget = new RetryBudget(new RetryBudgetOptions { Ratio = 0, ReserveMax = 5_000 });
        var taken = 0;
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                budget.OnCall();
                if (budget.TryTake()) Interlocked.Increment(ref taken);
            }
        });
        taken.ShouldBe(5_000);
    }

    private RetryDecision Decide(int tries, RetryBudget budget) => _policy.Decide(tries, Verdict.Failed, true, null, Deadline.None, 0, budget, _entropy);
}
