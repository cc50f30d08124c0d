using SkyRiff.Kernel;

namespace SkyRiff.Resilience.Calls;

/// <summary>When and how often a call is repeated.</summary>
public sealed record RetryOptions
{
    /// <summary>Tries after the first; 0 .. 10, default 3.</summary>
    public int RetriesMax { get; init; } = 3;

    /// <summary>The first wait is 0 to this long, the next 0 to twice that, and so on; default 100 ms.</summary>
    public TimeSpan DelayBase { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>No wait is longer, but for a callee's own <c>Retry-After</c>; default 4 s.</summary>
    public TimeSpan DelayMax { get; init; } = TimeSpan.FromSeconds(4);
}

/// <summary>Why a call is not repeated.</summary>
public enum RetryRefusal
{
    /// <summary>It is.</summary>
    None,

    /// <summary>The verdict does not ask for it, or forbids it.</summary>
    Verdict,

    /// <summary>The call has no second chance to give: it is not idempotent, or its body cannot be sent again.</summary>
    NotRepeatable,

    /// <summary><see cref="RetryOptions.RetriesMax"/> is used up.</summary>
    Exhausted,

    /// <summary>The answer would come too late.</summary>
    Deadline,

    /// <summary>The shared budget is empty.</summary>
    Budget,
}

/// <summary>Whether to try again, and after how long.</summary>
public readonly record struct RetryDecision(RetryRefusal Refusal, TimeSpan Delay)
{
    public bool IsAllowed => Refusal == RetryRefusal.None;
}

/// <summary>Exponential backoff with full jitter, within a deadline and a budget. Pure, but for the budget that it takes from.</summary>
public sealed class RetryPolicy
{
    private readonly RetryOptions _options;

    public RetryPolicy(RetryOptions options)
    {
        if (options.RetriesMax is < 0 or > 10) throw new ArgumentOutOfRangeException(nameof(options), options.RetriesMax, "RetriesMax is 0 to 10.");
        if (options.DelayBase < TimeSpan.Zero || options.DelayMax < options.DelayBase) throw new ArgumentOutOfRangeException(nameof(options), "0 <= DelayBase <= DelayMax.");
        _options = options;
    }

    /// <summary>Decides after a failed try. The budget is asked last, so that only a retry that will happen is paid for.</summary>
    /// <param name="tries">How many were made, the first included.</param>
    /// <param name="verdict">What the last one said.</param>
    /// <param name="isRepeatable">The call is idempotent and can be sent again.</param>
    /// <param name="retryAfter">What the callee asked for, if it did: no try is made sooner.</param>
    /// <param name="deadline">A retry that could only start after it is not made.</param>
    /// <param name="now">Nanoseconds of a <see cref="MonotonicClock"/>.</param>
    /// <param name="budget">Shared by all calls to the callee.</param>
    /// <param name="entropy">For the jitter.</param>
    public RetryDecision Decide(int tries, Verdict verdict, bool isRepeatable, TimeSpan? retryAfter, Deadline deadline, long now, RetryBudget budget, Entropy entropy)
    {
        if (verdict != Verdict.Failed) return new(RetryRefusal.Verdict, default);
        if (!isRepeatable) return new(RetryRefusal.NotRepeatable, default);
        if (tries > _options.RetriesMax) return new(RetryRefusal.Exhausted, default);
        var delay = entropy.Backoff(_options.DelayBase, _options.DelayMax, tries - 1);
        if (retryAfter > delay) delay = retryAfter.Value;
        if (delay >= deadline.Remaining(now)) return new(RetryRefusal.Deadline, default);
        return budget.TryTake() ? new(RetryRefusal.None, delay) : new(RetryRefusal.Budget, default);
    }
}
