using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Calls;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Calls;

public sealed class CallPipelineTests
{
    private static readonly CallTerms Repeatable = new(Deadline.None, IsRepeatable: true);
    private static readonly CallPipelineOptions AtOnce = new() { Retry = new RetryOptions { DelayBase = TimeSpan.Zero } };

    private readonly FakeTime _time = new();

    [Fact]
    public async Task A_call_that_works_the_third_time_answers_and_is_one_success()
    {
        var pipeline = Make(AtOnce with { Breaker = new CircuitBreakerOptions { CallsMin = 1 } });
        var tries = 0;
        (await Run(pipeline, Repeatable, _ => new(++tries < 3 ? 500 : 200))).ShouldBe(200);
        tries.ShouldBe(3);
        pipeline.Breaker.StateAt(0).ShouldBe(BreakerState.Closed);
        pipeline.Bulkhead.Inside.ShouldBe(0);
    }

    [Fact]
    public async Task The_last_answer_or_exception_comes_through_when_no_try_is_left()
    {
        var tries = 0;
        (await Run(Make(AtOnce), Repeatable, _ => new(500 + ++tries))).ShouldBe(504);
        tries = 0;
        (await Should.ThrowAsync<IOException>(async () => await Run(Make(AtOnce), Repeatable, _ => throw new IOException($"{++tries}")))).Message.ShouldBe("4");
        tries = 0;
        (await Run(Make(AtOnce), Repeatable with { IsRepeatable = false }, _ => new(500 + ++tries))).ShouldBe(501);
        tries = 0;
        (await Run(Make(AtOnce), Repeatable, _ => new(400 + ++tries))).ShouldBe(401);
    }

    [Fact]
    public async Task An_open_breaker_is_asked_after_the_bulkhead_and_before_any_try()
    {
        var pipeline = Make(AtOnce with { Retry = new RetryOptions { RetriesMax = 0 } });
        for (var i = 0; i < 10; i++) await Run(pipeline, Repeatable, _ => new(500));
        var tries = 0;

        var refusal = await Should.ThrowAsync<ResilienceException>(async () => await Run(pipeline, Repeatable, _ => new(200 + tries++)));

        (refusal.Kind, refusal.RetryAfter, tries).ShouldBe((ResilienceFault.BreakerOpen, TimeSpan.FromSeconds(30), 0));
        pipeline.Bulkhead.Inside.ShouldBe(0);
        _time.Advance(TimeSpan.FromSeconds(30));
        (await Run(pipeline, Repeatable, _ => new(200))).ShouldBe(200);
    }

    [Fact]
    public async Task Each_try_has_its_own_time_limit_and_the_deadline_ends_them_all()
    {
        var pipeline = Make(AtOnce with { TryDurationMax = TimeSpan.FromSeconds(2) });
        var terms = new CallTerms(Deadline.After(TimeSpan.FromSeconds(5), new MonotonicClock(_time).Now), IsRepeatable: true);
        var tries = 0;
        var running = Run(pipeline, terms, async token =>
        {
            tries++;
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return 200;
        });

        for (var expected = 1; expected <= 3; expected++)
        {
            await Eventually.TrueAsync(() => tries == expected && _time.Timers == 1, $"Try {expected} did not begin.");
            _time.Advance(TimeSpan.FromSeconds(expected == 3 ? 1 : 2));
        }
        (await Should.ThrowAsync<ResilienceException>(running)).Kind.ShouldBe(ResilienceFault.DeadlinePassed);
        tries.ShouldBe(3);

        (await Should.ThrowAsync<ResilienceException>(Run(pipeline, terms, _ => new(++tries)))).Kind.ShouldBe(ResilienceFault.DeadlinePassed);
        tries.ShouldBe(3);
    }

    [Fact]
    public async Task A_caller_who_leaves_is_not_held_against_the_callee()
    {
        var pipeline = Make(AtOnce with { Breaker = new CircuitBreakerOptions { WindowCalls = 1, CallsMin = 1 } });
        using var leaving = new CancellationTokenSource();
        var running = pipeline.ExecuteAsync(
            static async (int _, CancellationToken token) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, token);
                return 200;
            },
            0,
            Judged,
            Repeatable,
            leaving.Token).AsTask();

        await leaving.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(running);
        pipeline.Breaker.StateAt(0).ShouldBe(BreakerState.Closed);
        pipeline.Bulkhead.Inside.ShouldBe(0);
    }

    [Fact]
    public async Task A_full_bulkhead_refuses_without_calling()
    {
        var pipeline = Make(AtOnce with { Bulkhead = new BulkheadOptions { ConcurrencyMax = 1, QueueMax = 0 } });
        var gate = new TaskCompletionSource<int>();
        var first = Run(pipeline, Repeatable, _ => new(gate.Task));

        (await Should.ThrowAsync<ResilienceException>(Run(pipeline, Repeatable, _ => new(200)))).Kind.ShouldBe(ResilienceFault.BulkheadFull);

        gate.SetResult(200);
        (await first).ShouldBe(200);
    }

    [Fact]
    public async Task A_hedge_wins_when_the_first_is_slow_and_the_loser_is_cancelled()
    {
        var hedge = new Hedge(new HedgeOptions(), new RetryBudget(new RetryBudgetOptions()), _time);
        var cancelled = false;
        var running = hedge.ExecuteAsync(
            async (number, token) =>
            {
                if (number == 1) return 201;
                try
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, token);
                }
                finally
                {
                    cancelled = true;
                }
                return 200;
            },
            Judged,
            CancellationToken.None);
        await Eventually.TrueAsync(() => _time.Timers == 1, "The hedge did not wait.");
        running.IsCompleted.ShouldBeFalse();

        _time.Advance(TimeSpan.FromMilliseconds(100));

        (await running).ShouldBe(201);
        cancelled.ShouldBeTrue();
    }

    [Fact]
    public async Task A_failure_hedges_at_once_an_empty_budget_does_not_and_the_last_failure_comes_through()
    {
        var budget = new RetryBudget(new RetryBudgetOptions { ReserveMax = 2, Ratio = 0 });
        var hedge = new Hedge(new HedgeOptions { TriesMax = 3 }, budget, _time);

        (await hedge.ExecuteAsync((number, _) => Task.FromResult(number < 2 ? 500 : 200), Judged, CancellationToken.None)).ShouldBe(200);
        budget.Available.ShouldBe(0);
        (await hedge.ExecuteAsync((number, _) => Task.FromResult(500 + number), Judged, CancellationToken.None)).ShouldBe(500);
        await Should.ThrowAsync<IOException>(hedge.ExecuteAsync((_, _) => Task.FromException<int>(new IOException()), Judged, CancellationToken.None));
    }

    private static Verdict Judged(int status) => status >= 500 ? Verdict.Failed : status >= 400 ? Verdict.Refused : Verdict.Succeeded;

    private static Task<int> Run(CallPipeline pipeline, CallTerms terms, Func<CancellationToken, ValueTask<int>> call) =>
        pipeline.ExecuteAsync(static (call, token) => call(token), call, Judged, terms, CancellationToken.None).AsTask();

    private CallPipeline Make(CallPipelineOptions options) => new("there", options, new MonotonicClock(_time), Entropy.Seeded(3));
}
