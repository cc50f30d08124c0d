using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;

namespace SkyRiff.Caching.Writing;

/// <summary>
/// Writes changes a little later, merged per key and in batches: for counters (merged by adding up) and for what is overwritten often (the last one wins). Bounded: what
/// has no room is refused or written through, as the options say.
/// <para>
/// The loss window: a process that dies loses the changes that were not written, which are those of the last <see cref="WriteBehindOptions.Delay"/> plus the time of a
/// write; while writes fail it reaches back to when they began to (<see cref="WriteBehindStatus.OldestAge"/> tells). Nothing is lost by stopping, if the writer works within
/// <see cref="WriteBehindOptions.StopDurationMax"/>. So it is not for anything that somebody was promised.
/// </para>
/// <para>
/// A write whose outcome is not known is repeated, under the id of its <see cref="WriteBatch{TKey,TChange}"/>: a writer that adds up must remember the id together with
/// the effect, or may count twice. Of one key, batches are written one after another.
/// </para>
/// </summary>
public sealed class WriteBehind<TKey, TChange> : IAsyncDisposable
    where TKey : notnull
{
    /// <summary>How long a cancelled write may take to end.</summary>
    private static readonly TimeSpan GiveUpDuration = TimeSpan.FromSeconds(1);

    private readonly WriteBehindOptions _options;
    private readonly Func<WriteBatch<TKey, TChange>, CancellationToken, Task> _write;
    private readonly Func<Exception, bool> _isHopeless;
    private readonly TimeProvider _time;
    private readonly Entropy _entropy;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly PendingChanges<TKey, TChange> _pending;
    private readonly Channel<bool> _wakeups = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _givenUp = new();
    private readonly Task _running;
    private bool _stopping;
    private Task? _stopped;
    private long _written;
    private long _refused;
    private long _writtenThrough;
    private long _failures;
    private long _dropped;

    /// <param name="merge">Two changes of one key, older and newer, as one.</param>
    /// <param name="write">Writes a batch, all of it or nothing; throwing means that it is tried again.</param>
    /// <param name="isHopeless">
    /// Whether trying again is no use because of what is in the batch: then it is written in halves, until the key is found that it is about, which is dropped. Null: nothing is.
    /// </param>
    /// <exception cref="ArgumentException">The options have mistakes; the message tells all of them.</exception>
    public WriteBehind(
        WriteBehindOptions options, Func<TChange, TChange, TChange> merge, Func<WriteBatch<TKey, TChange>, CancellationToken, Task> write, Func<Exception, bool>? isHopeless,
        TimeProvider time, Entropy entropy, ILogger logger)
    {
        var mistakes = options.Validate().ToList();
        if (mistakes.Count > 0)
            throw new ArgumentException(string.Join(' ', mistakes), nameof(options));

        (_options, _write, _isHopeless, _time, _entropy, _logger) = (options, write, isHopeless ?? (_ => false), time, entropy, logger);
        _pending = new PendingChanges<TKey, TChange>(options.KeysMax, options.BatchMax, merge);
        _running = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>How it stands now.</summary>
    public WriteBehindStatus Status
    {
        get
        {
            lock (_lock)
            {
                return new WriteBehindStatus(
                    _pending.Count, _pending.Since is { } since ? _time.GetElapsedTime(since) : TimeSpan.Zero,
                    Volatile.Read(ref _written), Volatile.Read(ref _refused), Volatile.Read(ref _writtenThrough), Volatile.Read(ref _failures), Volatile.Read(ref _dropped));
            }
        }
    }

    /// <summary>Takes a change. False: it was refused, for want of room or because this was disposed; it will not be written.</summary>
    public ValueTask<bool> PutAsync(TKey key, TChange change, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_stopping)
            {
                var (was, wasFull) = (_pending.WaitingSince, _pending.IsBatchFull);
                if (_pending.TryPut(key, change, _time.GetTimestamp()))
                {
                    if (was is null || (!wasFull && _pending.IsBatchFull))
                        _wakeups.Writer.TryWrite(true);
                    return ValueTask.FromResult(true);
                }

                if (_options.WhenFull is WhenFull.WriteThrough)
                    return WriteThroughAsync(key, change, cancellationToken);
            }
        }

        Interlocked.Increment(ref _refused);
        return ValueTask.FromResult(false);
    }

    /// <summary>Writes what is left, within the bound; changes that come now are refused. Safe to call twice.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _stopping = true;
            return new ValueTask(_stopped ??= StopAsync());
        }
    }

    private async Task StopAsync()
    {
        _wakeups.Writer.TryWrite(true);
        using var bound = new CancellationTokenSource(_options.StopDurationMax, _time);
        await _running.WaitAsync(bound.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _givenUp.CancelAsync();
        // A writer that does not listen to its token is left alone.
        await _running.WaitAsync(GiveUpDuration, _time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async ValueTask<bool> WriteThroughAsync(TKey key, TChange change, CancellationToken cancellationToken)
    {
        await Task.Yield(); // out of the lock
        Interlocked.Increment(ref _writtenThrough);
        await _write(new WriteBatch<TKey, TChange>(NewId(), [KeyValuePair.Create(key, change)]), cancellationToken);
        return true;
    }

    /// <summary>Ends when it was told to stop and nothing is left, or when what is left was given up.</summary>
    private async Task RunAsync()
    {
        while (true)
        {
            TimeSpan wait;
            List<KeyValuePair<TKey, TChange>>? batch = null;
            lock (_lock)
            {
                if (_pending.WaitingSince is { } since)
                {
                    wait = _stopping || _pending.IsBatchFull ? TimeSpan.Zero : _options.Delay - _time.GetElapsedTime(since);
                    if (wait <= TimeSpan.Zero)
                        batch = _pending.Take();
                }
                else if (_stopping)
                {
                    return;
                }
                else
                {
                    wait = Timeout.InfiniteTimeSpan;
                }
            }

            if (batch is null)
                await WaitAsync(wait);
            else if (!_givenUp.IsCancellationRequested)
                await WriteAsync(batch);
            else
                Drop(batch, "it did not stop in time");
        }
    }

    private async Task WaitAsync(TimeSpan duration)
    {
        using var over = new CancellationTokenSource();
        var woken = _wakeups.Reader.WaitToReadAsync(over.Token).AsTask();
        await Task.WhenAny(woken, Task.Delay(duration, _time, over.Token));
        await over.CancelAsync();
        await ((Task)woken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (_wakeups.Reader.TryRead(out _))
        {
        }
    }

    /// <summary>Tries until it is written, given up, or found to be hopeless.</summary>
    private async Task WriteAsync(List<KeyValuePair<TKey, TChange>> changes)
    {
        var batch = new WriteBatch<TKey, TChange>(NewId(), changes);
        for (var failures = 1; ; failures++)
        {
            try
            {
                using var limit = new CancellationTokenSource(_options.WriteDurationMax, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _givenUp.Token);
                await _write(batch, either.Token);
                Interlocked.Add(ref _written, changes.Count);
                Settle(changes.Count);
                return;
            }
            catch (Exception failure) when (!_givenUp.IsCancellationRequested && _isHopeless(failure))
            {
                if (changes.Count == 1)
                {
                    Drop(changes, failure.Message);
                    return;
                }

                var half = changes.Count / 2;
                await WriteAsync(changes[..half]);
                await WriteAsync(changes[half..]);
                return;
            }
            catch (Exception failure)
            {
                Interlocked.Increment(ref _failures);
                if (failures == 1)
                    _logger.LogWarning(failure, "{Name}: {Keys} keys could not be written behind; they are tried again", _options.Name, changes.Count);
                if (!_givenUp.IsCancellationRequested)
                    await Task.Delay(_entropy.Backoff(_options.RetryDelayBase, _options.RetryDelayMax, failures), _time, _givenUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (!_givenUp.IsCancellationRequested)
                    continue;
                Drop(changes, "it did not stop in time");
                return;
            }
        }
    }

    private void Drop(List<KeyValuePair<TKey, TChange>> changes, string why)
    {
        Interlocked.Add(ref _dropped, changes.Count);
        Settle(changes.Count);
        _logger.LogError("{Name}: changes of {Keys} keys are lost: {Reason}", _options.Name, changes.Count, why);
    }

    private void Settle(int keys)
    {
        lock (_lock)
            _pending.Settle(keys);
    }

    private long NewId()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        _entropy.Fill(bytes);
        return BitConverter.ToInt64(bytes);
    }
}
