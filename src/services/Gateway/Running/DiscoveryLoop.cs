using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Discovery;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Resilience;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// Keeps the endpoints of discovered clusters: asks each source when its answer has grown old. A source that fails, or finds nobody, changes nothing: addresses
/// that may be wrong cost failed tries, and none at all cost every request.
/// </summary>
internal sealed class DiscoveryLoop(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<DiscoveryLoop> logger)
    : SupervisedLoop("gateway-discovery", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a start or a reload waits for the first answers.</summary>
    private static readonly TimeSpan FirstAnswerTimeout = TimeSpan.FromSeconds(3);

    /// <summary>After a source failed.</summary>
    private static readonly TimeSpan AskAgainAfterTrouble = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Watch> _watches = new(StringComparer.Ordinal);

    /// <summary>Clusters whose source does not answer now, with what it said.</summary>
    public IReadOnlyDictionary<string, string> Troubles => _watches.Where(w => w.Value.Trouble.Length > 0).ToDictionary(w => w.Key, w => w.Value.Trouble);

    /// <summary>Asks the sources that are new in a configuration, before anybody is sent to their endpoints.</summary>
    public async Task PrepareAsync(EdgeConfig config, CancellationToken cancellationToken)
    {
        foreach (var gone in _watches.Keys.Except(config.Clusters.Where(c => c.Discovery is not null).Select(c => c.Name))) _watches.TryRemove(gone, out _);
        var added = new List<(string, Watch)>();
        foreach (var cluster in config.Clusters)
        {
            if (cluster.Discovery is not { } discovery || (_watches.TryGetValue(cluster.Name, out var known) && known.Config == discovery)) continue;
            added.Add((cluster.Name, _watches[cluster.Name] = new Watch(discovery, SourceOf(discovery))));
        }
        if (added.Count == 0) return;
        using var timeout = new CancellationTokenSource(FirstAnswerTimeout, Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await Task.WhenAll(added.Select(a => AskAsync(a.Item1, a.Item2, limit.Token)));
    }

    /// <summary>The configuration with the endpoints that were found.</summary>
    public EdgeConfig Complete(EdgeConfig config) => config with
    {
        Clusters = [.. config.Clusters.Select(c => c.Discovery is not null && _watches.TryGetValue(c.Name, out var watch) && watch.Config == c.Discovery ? c with { Endpoints = watch.Found } : c)],
    };

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            var next = runtime.NextApplied;
            if (_watches.IsEmpty) await next.WaitAsync(stopping);
            else await Task.Delay(Interval, Time, stopping);
            var now = runtime.Clock.Now;
            foreach (var (cluster, watch) in _watches)
            {
                if (watch.Asking is { IsCompleted: false } || now < watch.DueAt) continue;
                watch.Asking = AskAndApplyAsync(cluster, watch, stopping);
            }
        }
    }

    private async Task AskAndApplyAsync(string cluster, Watch watch, CancellationToken stopping)
    {
        if (!await AskAsync(cluster, watch, stopping)) return;
        Logger.LogInformation("Cluster {Cluster} has {Count} endpoints now", cluster, watch.Found.Count);
        await runtime.RefreshAsync(stopping);
    }

    /// <summary>True when other endpoints were found than before.</summary>
    private async Task<bool> AskAsync(string cluster, Watch watch, CancellationToken cancellationToken)
    {
        try
        {
            var found = await watch.Source.AskAsync(cancellationToken);
            watch.DueAt = runtime.Clock.Now + MonotonicClock.Nanoseconds(found.AskAgainAfter);
            if (found.Endpoints.Count == 0)
            {
                Note(cluster, watch, "nobody is there");
                return false;
            }
            watch.Trouble = "";
            if (found.Endpoints.SequenceEqual(watch.Found)) return false;
            watch.Found = found.Endpoints;
            return true;
        }
        catch (Exception failure) when (failure is DiscoveryException or OperationCanceledException)
        {
            watch.DueAt = runtime.Clock.Now + MonotonicClock.Nanoseconds(AskAgainAfterTrouble);
            if (failure is DiscoveryException) Note(cluster, watch, failure.Message);
            return false;
        }
    }

    private void Note(string cluster, Watch watch, string trouble)
    {
        if (watch.Trouble.Length == 0) Logger.LogWarning("Endpoints of cluster {Cluster} stay as they are: {Trouble}", cluster, trouble);
        watch.Trouble = trouble;
    }

    private IEndpointSource SourceOf(DiscoveryConfig config) => config.Kind switch
    {
        DiscoveryKind.File => new FileSource(config),
        DiscoveryKind.Registry => new RegistrySource(config, new Registry(runtime.Redis!, config.Name)),
        _ => new DnsSource(config, new DnsClient(config.Server is { } server ? [server] : DnsClient.SystemServers(), Time, Entropy)),
    };

    private sealed class Watch(DiscoveryConfig config, IEndpointSource source)
    {
        public DiscoveryConfig Config { get; } = config;

        public IEndpointSource Source { get; } = source;

        public IReadOnlyList<EndpointConfig> Found { get; set; } = [];

        public long DueAt { get; set; }

        public Task? Asking { get; set; }

        public string Trouble { get; set; } = "";
    }
}
