using Microsoft.Extensions.Logging;
using SkyRiff.Redis;

namespace SkyRiff.Resilience.Leases;

/// <summary>
/// A lease that is held, and renewed every third of its duration until it is disposed or lost. It counts as lost when Redis says that somebody else has
/// it, or when it could not be renewed for so long that somebody else may: measured from before the last successful question, by this process's
/// monotonic clock, so the holder knows before anybody else can hold it (clock drift between the two aside).
/// </summary>
public sealed class Lease : IAsyncDisposable
{
    private readonly LeaseStore _store;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _renewing;
    private long _heldUntil;
    private int _isDisposed;

    internal Lease(LeaseStore store, string name, string owner, long fence, TimeSpan duration, long asked)
    {
        (_store, Name, Owner, Fence, Duration) = (store, name, owner, fence, duration);
        _heldUntil = asked + MonotonicClock.Nanoseconds(duration);
        Lost = _lost.Token;
        _renewing = RenewAsync();
    }

    public string Name { get; }

    /// <summary>Larger for every later holder; goes with every write that the lease protects.</summary>
    public long Fence { get; }

    public TimeSpan Duration { get; }

    /// <summary>Cancelled when the lease is lost; work that it protects takes this token.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Whether it is held at this moment, for all that is known here.</summary>
    public bool IsHeld => _isDisposed == 0 && !Lost.IsCancellationRequested && _store.Clock.Now < Volatile.Read(ref _heldUntil);

    internal string Owner { get; }

    /// <summary>Throws unless <see cref="IsHeld"/>.</summary>
    /// <exception cref="ResilienceException">Of kind <see cref="ResilienceFault.LeaseLost"/>.</exception>
    public void ThrowIfLost()
    {
        if (!IsHeld) throw new ResilienceException(ResilienceFault.LeaseLost, $"The lease {Name} is not held any more.");
    }

    /// <summary>Stops renewing and gives the lease back if it is still held.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _stopping.CancelAsync();
        await _renewing;
        if (!Lost.IsCancellationRequested) await _store.ReleaseAsync(this);
        _stopping.Dispose();
        _lost.Dispose();
    }

    private async Task RenewAsync()
    {
        // Never throws: it ends when the lease is disposed or lost.
        var pause = Duration / 3;
        while (true)
        {
            await Task.Delay(pause, _store.Clock.Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stopping.IsCancellationRequested) return;
            var asked = _store.Clock.Now;
            var left = MonotonicClock.Duration(Math.Max(0, Volatile.Read(ref _heldUntil) - asked));
            try
            {
                // A question that hangs must leave time for another one.
                using var limit = new CancellationTokenSource(left < Duration / 4 ? left : Duration / 4, _store.Clock.Time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping.Token);
                if (left > TimeSpan.Zero && await _store.RenewAsync(this, both.Token))
                {
                    Volatile.Write(ref _heldUntil, asked + MonotonicClock.Nanoseconds(Duration));
                    pause = Duration / 3;
                    continue;
                }
                await LoseAsync(null);
                return;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is RedisException or OperationCanceledException)
            {
                if (_store.Clock.Now >= Volatile.Read(ref _heldUntil))
                {
                    await LoseAsync(failure);
                    return;
                }
                pause = Duration / 20; // time is running: ask again soon
            }
        }
    }

    private async Task LoseAsync(Exception? failure)
    {
        _store.Logger.LogWarning(failure, "Lease {Lease} with fence {Fence} is lost", Name, Fence);
        try
        {
            await _lost.CancelAsync();
        }
        catch (AggregateException thrown)
        {
            _store.Logger.LogError(thrown, "What was told about the loss of lease {Lease} failed", Name);
        }
    }
}
