using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.Gateway.Running;

/// <summary>Lets every shared limit of the configuration in force tell Redis what was taken; one that a reload leaves out stops.</summary>
internal sealed class LimitTeller(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<LimitTeller> logger)
    : SupervisedLoop("gateway-limit-teller", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var running = new Dictionary<DeferredLimiter, (CancellationTokenSource Stop, Task Task)>();
        try
        {
            while (true)
            {
                var next = runtime.NextApplied;
                var wanted = runtime.Snapshot.Limits.Values.Select(l => l.Shared).OfType<DeferredLimiter>().ToHashSet();
                foreach (var gone in running.Keys.Where(limiter => !wanted.Contains(limiter)).ToList())
                {
                    await EndAsync(running[gone]);
                    running.Remove(gone);
                }
                foreach (var limiter in wanted)
                {
                    if (running.TryGetValue(limiter, out var known))
                    {
                        if (known.Task.IsFaulted) await known.Task; // its failure is this loop's, which begins anew
                        continue;
                    }
                    var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
                    running[limiter] = (stop, limiter.RunAsync(stop.Token));
                }
                if (running.Count == 0) await next.WaitAsync(stopping);
                else await Task.Delay(Interval, Time, stopping);
            }
        }
        finally
        {
            foreach (var one in running.Values) await EndAsync(one);
        }
    }

    private static async Task EndAsync((CancellationTokenSource Stop, Task Task) one)
    {
        await one.Stop.CancelAsync();
        await one.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        one.Stop.Dispose();
    }
}
