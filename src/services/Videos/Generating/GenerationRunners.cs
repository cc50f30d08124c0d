using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>One runner per provider, each claiming that provider's jobs up to what it does at a time: a slow provider keeps nobody from the others.</summary>
internal sealed class GenerationRunners(ModelCatalog catalog, JobQueue queue, GenerationWorker worker, Wakeups wakeups, TimeProvider time, Entropy entropy, ILogger<JobRunner> logger) : IHostedService
{
    private readonly List<JobRunner> _runners = [.. catalog.Providers.Select(provider => new JobRunner(
        queue.For(provider.Name, provider.ConcurrencyMax), worker, wakeups, $"{Environment.MachineName}/{Environment.ProcessId}", time, entropy, logger))];

    public Task StartAsync(CancellationToken cancellationToken) => Task.WhenAll(_runners.Select(runner => runner.StartAsync(cancellationToken)));

    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(_runners.Select(runner => runner.StopAsync(cancellationToken)));
}
