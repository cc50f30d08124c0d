namespace SkyRiff.Resilience.Calls;

/// <summary>How many calls run, and how many wait.</summary>
public sealed record BulkheadOptions
{
    /// <summary>Calls at the same time; 1 .. 100,000, default 100.</summary>
    public int ConcurrencyMax { get; init; } = 100;

    /// <summary>Calls that wait for a place; 0 .. 100,000, default 100. The next one is refused at once.</summary>
    public int QueueMax { get; init; } = 100;

    /// <summary>The longest wait; default 1 s. The caller's deadline and token may end it sooner.</summary>
    public TimeSpan QueueDurationMax { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>How an attempt to enter a <see cref="Bulkhead"/> ended.</summary>
public enum BulkheadEntry
{
    /// <summary>Inside; <see cref="Bulkhead.Leave"/> is owed.</summary>
    Entered,

    /// <summary>Places and queue are full.</summary>
    Full,

    /// <summary>No place came free in time.</summary>
    WaitedTooLong,
}

/// <summary>
/// A bounded number of calls at a time, a bounded first-come-first-served queue before them, and a refusal after that, so that one slow callee
/// takes its own places and not everybody's. Entering a free place allocates nothing. Thread-safe.
/// </summary>
public sealed class Bulkhead
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _queue = new();
    private readonly BulkheadOptions _options;
    private readonly MonotonicClock _clock;
    private int _inside;

    public Bulkhead(BulkheadOptions options, MonotonicClock clock)
    {
        if (options.ConcurrencyMax is < 1 or > 100_000) throw new ArgumentOutOfRangeException(nameof(options), options.ConcurrencyMax, "ConcurrencyMax is 1 to 100,000.");
        if (options.QueueMax is < 0 or > 100_000) throw new ArgumentOutOfRangeException(nameof(options), options.QueueMax, "QueueMax is 0 to 100,000.");
        if (options.QueueDurationMax < TimeSpan.Zero || options.QueueDurationMax > TimeSpan.FromDays(1)) throw new ArgumentOutOfRangeException(nameof(options), options.QueueDurationMax, "QueueDurationMax is 0 to a day.");
        (_options, _clock) = (options, clock);
    }

    /// <summary>Calls inside.</summary>
    public int Inside
    {
        get
        {
            lock (_lock) return _inside;
        }
    }

    /// <summary>Calls that wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _queue.Count;
        }
    }

    /// <summary>Takes a place if one is free and nobody waits for it.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_inside >= _options.ConcurrencyMax || _queue.Count > 0) return false;
            _inside++;
            return true;
        }
    }

    /// <summary>Takes a place, now or after waiting.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled while waiting; no place is held.</exception>
    public ValueTask<BulkheadEntry> EnterAsync(Deadline deadline, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<BulkheadEntry>(cancellationToken);
        var now = _clock.Now;
        LinkedListNode<Waiter> node;
        lock (_lock)
        {
            if (_inside < _options.ConcurrencyMax && _queue.Count == 0)
            {
                _inside++;
                return new(BulkheadEntry.Entered);
            }
            if (_queue.Count >= _options.QueueMax) return new(BulkheadEntry.Full);
            if (deadline.HasPassed(now)) return new(BulkheadEntry.WaitedTooLong);
            node = _queue.AddLast(new Waiter());
        }
        return WaitAsync(node, deadline.Within(_options.QueueDurationMax, now).Remaining(now), cancellationToken);
    }

    /// <summary>Gives the place back, to the first who waits.</summary>
    public void Leave()
    {
        Waiter? next = null;
        lock (_lock)
        {
            if (_queue.First is { } first)
            {
                _queue.RemoveFirst();
                next = first.Value; // the place changes hands: nobody can slip in between
            }
            else
            {
                _inside--;
            }
        }
        next?.SetResult();
    }

    private async ValueTask<BulkheadEntry> WaitAsync(LinkedListNode<Waiter> node, TimeSpan wait, CancellationToken cancellationToken)
    {
        try
        {
            await node.Value.Task.WaitAsync(wait, _clock.Time, cancellationToken);
            return BulkheadEntry.Entered;
        }
        catch (TimeoutException)
        {
            if (TryWithdraw(node)) return BulkheadEntry.WaitedTooLong;
            return BulkheadEntry.Entered; // the place came at the same moment
        }
        catch (OperationCanceledException)
        {
            if (!TryWithdraw(node)) Leave();
            throw;
        }
    }

    private bool TryWithdraw(LinkedListNode<Waiter> node)
    {
        lock (_lock)
        {
            if (node.List is null) return false;
            _queue.Remove(node);
            return true;
        }
    }

    private sealed class Waiter() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
}
