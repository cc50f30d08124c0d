using SkyRiff.Caching.Local;
using SkyRiff.Caching.Payloads;
using SkyRiff.Caching.Shared;

namespace SkyRiff.Caching.Loading;

/// <summary>
/// One look-up of one key below the local tier, shared by all who ask meanwhile; who leaves does not end it for the others. It counts for callers who come while no
/// invalidation of the key was heard since it began: <see cref="Version"/> and <see cref="Epoch"/> were taken before anything was asked.
/// </summary>
internal sealed class Flight<TKey, TValue>(TKey key, SharedKey shared, int version, int epoch, long sinceMs, FlightGroup<TKey, TValue> group)
    where TKey : notnull
    where TValue : class
{
    private readonly TaskCompletionSource<TValue?> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private int _waiters = 1;
    private bool _isClosed;

    public TKey Key { get; } = key;

    public SharedKey Shared { get; } = shared;

    public int Version { get; } = version;

    public int Epoch { get; } = epoch;

    /// <summary>When it began, by the tier's clock.</summary>
    public long SinceMs { get; } = sinceMs;

    /// <summary>The nonce in Redis when it was read, empty for nothing; null when it was not read, and so nothing may be stored.</summary>
    public byte[]? Observed { get; set; }

    /// <summary>Timestamp before Redis was read.</summary>
    public long ObservedAt { get; set; }

    /// <summary>A writer is at work: what is loaded now may be old a moment later.</summary>
    public bool IsBeingWritten { get; set; }

    /// <summary>The tag clock before the source is asked; negative when it is not known.</summary>
    public long Stamp { get; set; } = -1;

    /// <summary>What Redis had past its freshness, for when the source fails.</summary>
    public (Envelope Envelope, TValue? Value, int Bytes)? Candidate { get; set; }

    /// <summary>The entry that is to be renewed, which serves meanwhile; any other fresh value will do instead of a load. Null: not a renewal.</summary>
    public CacheEntry<TKey, TValue>? Renews { get; init; }

    public bool IsDone => _result.Task.IsCompleted;

    /// <summary>Counts the caller in; false when it is over or given up.</summary>
    public bool TryJoin()
    {
        lock (_lock)
        {
            if (_isClosed)
                return false;
            _waiters++;
            return true;
        }
    }

    /// <summary>For one who created or joined it; with the last who leaves, it is given up.</summary>
    public async ValueTask<TValue?> WaitAsync(CancellationToken cancellation)
    {
        try
        {
            return await _result.Task.WaitAsync(cancellation);
        }
        finally
        {
            Leave();
        }
    }

    public void Leave()
    {
        lock (_lock)
        {
            if (--_waiters > 0 || _isClosed)
                return;
            _isClosed = true;
        }

        group.OnGivenUp();
    }

    /// <summary>Ends a renewal that no caller waits for: from then on nobody can join it. False when somebody does wait.</summary>
    public bool TryPutOff()
    {
        lock (_lock)
        {
            if (Renews is null || _waiters > 1)
                return false;
            _isClosed = true;
            return true;
        }
    }

    public void Complete(TValue? value)
    {
        Close();
        _result.TrySetResult(value);
    }

    public void Fail(Exception failure)
    {
        Close();
        if (failure is OperationCanceledException cancelled)
            _result.TrySetCanceled(cancelled.CancellationToken);
        else
            _result.TrySetException(failure);
        _ = _result.Task.Exception; // when all have left, nobody else looks at it
    }

    private void Close()
    {
        lock (_lock)
            _isClosed = true;
    }
}

/// <summary>The flights that one call began; they travel together and end by themselves.</summary>
internal sealed class FlightGroup<TKey, TValue> : IDisposable
    where TKey : notnull
    where TValue : class
{
    private readonly CancellationTokenSource _givenUp;
    private int _wanted;

    public FlightGroup(CancellationToken stopping)
    {
        _givenUp = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Token = _givenUp.Token;
    }

    public List<Flight<TKey, TValue>> Flights { get; } = [];

    /// <summary>Cancelled when nobody waits for any of them.</summary>
    public CancellationToken Token { get; }

    public void Add(Flight<TKey, TValue> flight)
    {
        Flights.Add(flight);
        Interlocked.Increment(ref _wanted);
    }

    public void OnGivenUp()
    {
        if (Interlocked.Decrement(ref _wanted) > 0)
            return;
        try
        {
            _givenUp.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It was over at the same moment.
        }
    }

    public void Dispose() => _givenUp.Dispose();
}
