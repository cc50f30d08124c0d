using System.Runtime.ExceptionServices;
using SkyRiff.Kernel;

namespace SkyRiff.Resilience.Calls;

/// <summary>The parts of a <see cref="CallPipeline"/>; each has its own defaults.</summary>
public sealed record CallPipelineOptions
{
    public BulkheadOptions Bulkhead { get; init; } = new();

    public CircuitBreakerOptions Breaker { get; init; } = new();

    public RetryOptions Retry { get; init; } = new();

    public RetryBudgetOptions RetryBudget { get; init; } = new();

    /// <summary>How long one try may take; above 0, up to an hour, default 5 s. The deadline may end it sooner.</summary>
    public TimeSpan TryDurationMax { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>What the pipeline must know about one call.</summary>
/// <param name="Deadline">When the caller leaves.</param>
/// <param name="IsRepeatable">The call is idempotent and can be sent again; only then is it.</param>
public readonly record struct CallTerms(Deadline Deadline, bool IsRepeatable);

/// <summary>Judges a call that answered; one that threw is judged by <see cref="CallPipeline.JudgeException"/>.</summary>
public delegate Verdict Judge<in T>(T answer);

/// <summary>
/// What stands before one callee, in the order that never changes: bulkhead, breaker, retry, time limit. So a call that is repeated keeps its one
/// place and is one call to the breaker (judged by its last try), and every try has its own time limit. One per callee; thread-safe.
/// </summary>
public sealed class CallPipeline
{
    private readonly MonotonicClock _clock;
    private readonly Entropy _entropy;
    private readonly RetryPolicy _retry;
    private readonly TimeSpan _tryDurationMax;
    private readonly string _name;

    /// <param name="name">The callee, for messages.</param>
    /// <param name="options">Its limits.</param>
    /// <param name="clock">For every wait and decision.</param>
    /// <param name="entropy">For jitter.</param>
    public CallPipeline(string name, CallPipelineOptions options, MonotonicClock clock, Entropy entropy)
    {
        if (options.TryDurationMax <= TimeSpan.Zero || options.TryDurationMax > TimeSpan.FromHours(1)) throw new ArgumentOutOfRangeException(nameof(options), options.TryDurationMax, "TryDurationMax is up to an hour.");
        (_name, _clock, _entropy, _tryDurationMax) = (name, clock, entropy, options.TryDurationMax);
        Bulkhead = new Bulkhead(options.Bulkhead, clock);
        Breaker = new CircuitBreaker(options.Breaker);
        Budget = new RetryBudget(options.RetryBudget);
        _retry = new RetryPolicy(options.Retry);
    }

    public Bulkhead Bulkhead { get; }

    public CircuitBreaker Breaker { get; }

    public RetryBudget Budget { get; }

    /// <summary>
    /// Makes the call under all four protections. An answer is returned whatever its verdict, once no try is left; so is the last try's exception.
    /// </summary>
    /// <exception cref="ResilienceException">The call was not made, or its last try took too long.</exception>
    public async ValueTask<T> ExecuteAsync<TState, T>(
        Func<TState, CancellationToken, ValueTask<T>> call, TState state, Judge<T> judge, CallTerms terms, CancellationToken cancellationToken)
    {
        if (terms.Deadline.HasPassed(_clock.Now)) throw Passed();
        switch (await Bulkhead.EnterAsync(terms.Deadline, cancellationToken))
        {
            case BulkheadEntry.Entered:
                break;
            case BulkheadEntry.WaitedTooLong when terms.Deadline.HasPassed(_clock.Now):
                throw Passed();
            default:
                throw new ResilienceException(ResilienceFault.BulkheadFull, $"Too many calls to {_name}.");
        }
        try
        {
            var started = _clock.Now;
            var permit = Breaker.TryEnter(started);
            if (!permit.IsAllowed) throw new ResilienceException(ResilienceFault.BreakerOpen, $"Calls to {_name} fail; none is made for now.") { RetryAfter = permit.RetryAfter };
            var verdict = Verdict.Abandoned;
            try
            {
                Budget.OnCall();
                for (var tries = 1; ; tries++)
                {
                    T? answer = default;
                    ExceptionDispatchInfo? failure = null;
                    try
                    {
                        answer = await TryAsync(call, state, terms.Deadline, cancellationToken);
                        verdict = judge(answer);
                    }
                    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                    {
                        verdict = Verdict.Abandoned;
                        throw;
                    }
                    catch (Exception caught)
                    {
                        failure = ExceptionDispatchInfo.Capture(caught);
                        verdict = JudgeException(caught);
                    }
                    var decision = _retry.Decide(tries, verdict, terms.IsRepeatable, null, terms.Deadline, _clock.Now, Budget, _entropy);
                    if (!decision.IsAllowed)
                    {
                        failure?.Throw();
                        return answer!;
                    }
                    await Task.Delay(decision.Delay, _clock.Time, cancellationToken);
                }
            }
            finally
            {
                var now = _clock.Now;
                Breaker.Report(permit, verdict, now - started, now);
            }
        }
        finally
        {
            Bulkhead.Leave();
        }
    }

    /// <summary>
    /// Every exception is a failure that may be tried again, but for bugs of the caller's (argument and state errors). A deadline that passed during a
    /// try counts against the callee, one that left no time to begin does not.
    /// </summary>
    public static Verdict JudgeException(Exception failure) => failure switch
    {
        ResilienceException { Kind: ResilienceFault.DeadlinePassed, InnerException: null } => Verdict.Abandoned,
        ArgumentException or InvalidOperationException or NotSupportedException => Verdict.Refused,
        _ => Verdict.Failed,
    };

    private async ValueTask<T> TryAsync<TState, T>(Func<TState, CancellationToken, ValueTask<T>> call, TState state, Deadline deadline, CancellationToken cancellationToken)
    {
        var remaining = deadline.Remaining(_clock.Now);
        if (remaining == TimeSpan.Zero) throw Passed();
        var isDeadlineFirst = remaining < _tryDurationMax;
        using var limit = new CancellationTokenSource(isDeadlineFirst ? remaining : _tryDurationMax, _clock.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await call(state, linked.Token);
        }
        catch (OperationCanceledException canceled) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ResilienceException(isDeadlineFirst ? ResilienceFault.DeadlinePassed : ResilienceFault.TimedOut, $"{_name} took too long.", canceled);
        }
    }

    private ResilienceException Passed() => new(ResilienceFault.DeadlinePassed, $"No time was left to call {_name}.");
}
