namespace SkyRiff.Resilience.Calls;

/// <summary>How many retries a set of calls to one callee may add.</summary>
public sealed record RetryBudgetOptions
{
    /// <summary>Retries per call, over time; 0 .. 1, default one in ten.</summary>
    public double Ratio { get; init; } = 0.1;

    /// <summary>Retries that can be saved up, and with which a budget starts; 0 .. 10,000, default 10. Keeps a rarely used callee retryable.</summary>
    public int ReserveMax { get; init; } = 10;
}

/// <summary>
/// A token bucket that calls fill and retries empty, shared by all callers of one callee: when everything fails, retries add
/// <see cref="RetryBudgetOptions.Ratio"/> to the load and not a multiple of it (the scheme of Finagle's RetryBudget and gRPC's retry throttling).
/// Thread-safe without a lock.
/// </summary>
public sealed class RetryBudget
{
    private const long Unit = 1_000_000; // one retry

    private readonly long _perCall;
    private readonly long _max;
    private long _balance;

    public RetryBudget(RetryBudgetOptions options)
    {
        if (options.Ratio is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), options.Ratio, "Ratio is 0 to 1.");
        if (options.ReserveMax is < 0 or > 10_000) throw new ArgumentOutOfRangeException(nameof(options), options.ReserveMax, "ReserveMax is 0 to 10,000.");
        _perCall = (long)(options.Ratio * Unit);
        _max = Math.Max(options.ReserveMax, 1) * Unit;
        _balance = options.ReserveMax * Unit;
    }

    /// <summary>Whole retries that could be made now.</summary>
    public long Available => Volatile.Read(ref _balance) / Unit;

    /// <summary>A first try is made.</summary>
    public void OnCall()
    {
        var balance = Volatile.Read(ref _balance);
        while (balance < _max)
        {
            var seen = Interlocked.CompareExchange(ref _balance, Math.Min(_max, balance + _perCall), balance);
            if (seen == balance) return;
            balance = seen;
        }
    }

    /// <summary>Pays for one retry or hedge; false when there is nothing left.</summary>
    public bool TryTake()
    {
        var balance = Volatile.Read(ref _balance);
        while (balance >= Unit)
        {
            var seen = Interlocked.CompareExchange(ref _balance, balance - Unit, balance);
            if (seen == balance) return true;
            balance = seen;
        }
        return false;
    }
}
