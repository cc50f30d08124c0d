namespace SkyRiff.Resilience;

/// <summary>Why a call was not made or not finished.</summary>
public enum ResilienceFault
{
    /// <summary>The bulkhead's places and its queue are full. The call was not made.</summary>
    BulkheadFull,

    /// <summary>The breaker is open. The call was not made.</summary>
    BreakerOpen,

    /// <summary>The caller's deadline has passed, or passed while waiting for a place. The call was not made, or will not be repeated.</summary>
    DeadlinePassed,

    /// <summary>The call itself took too long. It may have had its effect.</summary>
    TimedOut,

    /// <summary>The shared store of limits, leases or boards is away. The call may have had its effect.</summary>
    StoreAway,

    /// <summary>The lease was lost: somebody else may hold it.</summary>
    LeaseLost,
}

/// <summary>The one exception type of this library.</summary>
public sealed class ResilienceException(ResilienceFault kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public ResilienceFault Kind { get; } = kind;

    /// <summary>When it makes sense to try again, where that is known.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
