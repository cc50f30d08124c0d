using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace SkyRiff.Kernel.Loops;

/// <summary>
/// Everything that outlives a call: a named loop that is started with the process, restarted with jittered backoff when it fails, and
/// awaited when the process stops. <see cref="RunAsync"/> returns when its token is cancelled (or when there is nothing for it to do, ever), and throws when the
/// world failed.
/// </summary>
public abstract class SupervisedLoop(string name, TimeProvider time, Entropy entropy, ILogger logger) : IHostedService, IAsyncDisposable
{
    private static readonly TimeSpan RestartDelayBase = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RestartDelayMax = TimeSpan.FromSeconds(15);

    /// <summary>A run that lasted this long makes the next failure count as the first.</summary>
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;
    private int _disposed;

    public string Name { get; } = name;

    protected TimeProvider Time { get; } = time;

    protected Entropy Entropy { get; } = entropy;

    protected ILogger Logger { get; } = logger;

    /// <summary>The work; runs until <paramref name="stopping"/> is cancelled.</summary>
    protected abstract Task RunAsync(CancellationToken stopping);

    /// <summary>Returns at once; the loop runs on the thread pool.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.Run(SuperviseAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Asks the loop to end and waits for it, or for <paramref name="cancellationToken"/>; safe to call twice.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _disposed) == 0) await _stopping.CancelAsync();
        await _running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Safe to call twice: a container that knows the loop by two names disposes it twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _disposed) == 0) await StopAsync(CancellationToken.None);
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _stopping.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task SuperviseAsync()
    {
        var failures = 0;
        while (!_stopping.IsCancellationRequested)
        {
            var started = Time.GetTimestamp();
            try
            {
                await RunAsync(_stopping.Token);
                return;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                failures = Time.GetElapsedTime(started) >= HealthyAfter ? 1 : failures + 1;
                var delay = Entropy.Backoff(RestartDelayBase, RestartDelayMax, failures);
                Logger.LogError(failure, "Loop {Loop} failed ({Failures} in a row); it restarts in {Delay} ms", Name, failures, (int)delay.TotalMilliseconds);
                await Task.Delay(delay, Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
