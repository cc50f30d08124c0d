using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.Running;
using SkyRiff.Gateway.Telemetry;
using SkyRiff.Kernel;

namespace SkyRiff.Gateway;

/// <summary>The gateway by itself: <c>skyriff gateway run --config FILE</c> and <c>skyriff gateway check FILE</c>.</summary>
public static class GatewayHost
{
    /// <summary>Reads the file and says every mistake; 0 when it can be used, 2 when it cannot, 3 when it cannot be read.</summary>
    public static async Task<int> CheckAsync(string configFile, TextWriter output, CancellationToken cancellationToken)
    {
        var (config, _, code) = await TryReadAsync(configFile, output, cancellationToken);
        if (config is not null) await output.WriteLineAsync($"{config.Listen.Count} listeners, {config.Edge.Routes.Count} routes, {config.Edge.Clusters.Count} clusters: good");
        return code;
    }

    /// <summary>
    /// Runs until <paramref name="stopping"/> is cancelled, then stops accepting, answers what is under way, and returns 0. Says the addresses it listens on in
    /// <paramref name="output"/> once it does.
    /// </summary>
    public static async Task<int> RunAsync(string configFile, TextWriter output, ILoggerFactory loggers, CancellationToken stopping)
    {
        var (config, text, code) = await TryReadAsync(configFile, output, stopping);
        if (config is null) return code;
        var (time, entropy) = (TimeProvider.System, Entropy.System);
        await using var runtime = new EdgeRuntime(config.Edge, time, entropy, loggers);
        await using var log = config.Edge.AccessLog is { } access ? new AccessLog(access.Path, access.Sample) : null;
        await runtime.StartAsync(stopping);

        var fronts = new List<LeanFront>();
        foreach (var listen in config.Listen.Where(l => l.IsLean)) fronts.Add(LeanFront.Start(OptionsOf(listen), runtime.Snapshot, time, entropy, log));
        var kestrels = new List<KestrelFront>();
        foreach (var listen in config.Listen.Where(l => !l.IsLean)) kestrels.Add(await KestrelFront.StartAsync(listen, runtime, log, time, stopping));
        runtime.Applied += snapshot => fronts.ForEach(front => front.Snapshot = snapshot);
        await using var reloader = new ConfigReloader(configFile, text, runtime, time, entropy, loggers.CreateLogger<ConfigReloader>());
        await reloader.StartAsync(stopping);
        await using var admin = config.Admin is null ? null : await AdminServer.StartAsync(config.Admin, runtime,
            () => [.. fronts.SelectMany(f => f.Metrics), .. kestrels.Select(k => k.Metrics)], () => Describe(fronts, reloader), stopping);

        foreach (var front in fronts) await output.WriteLineAsync($"listening on http://{front.EndPoint}");
        foreach (var front in kestrels) await output.WriteLineAsync($"listening on {front.EndPoint} with Kestrel");
        if (config.Admin is not null) await output.WriteLineAsync($"admin on http://{config.Admin}");
        await output.FlushAsync(CancellationToken.None);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll([.. fronts.Select(front => front.DrainAsync()), .. kestrels.Select(front => front.DrainAsync())]);
        return 0;
    }

    private static object Describe(List<LeanFront> fronts, ConfigReloader reloader) => new
    {
        reloads = reloader.Reloads,
        mistakes = reloader.LastMistakes,
        lean = fronts.Select(f => new
        {
            address = f.EndPoint.ToString(),
            connections = f.Counters.Sum(c => c.ClientsOpen),
            upstreamConnections = f.Counters.Sum(c => c.UpstreamsOpen),
            inFlight = f.Counters.Sum(c => c.InFlight),
            requests = f.Counters.Sum(c => c.Requests),
            refused = f.Counters.Sum(c => c.RequestsRefused),
            aborted = f.Counters.Sum(c => c.RequestsAborted),
            timedOut = f.Counters.Sum(c => c.TimedOut),
            staleRetries = f.Counters.Sum(c => c.StaleRetries),
            connectFailures = f.Counters.Sum(c => c.ConnectFailures),
            upstreamFaults = f.Counters.Sum(c => c.UpstreamFaults),
            bugs = f.Counters.Sum(c => c.Bugs),
            allocatedBytes = f.Counters.Sum(c => c.AllocatedBytes),
        }),
    };

    private static LeanOptions OptionsOf(ListenConfig listen)
    {
        var loops = listen.Loops > 0 ? listen.Loops : Environment.ProcessorCount;
        return new LeanOptions
        {
            Listen = listen.Address,
            Loops = loops,
            ConnectionsPerLoopMax = Math.Max(1, listen.ConnectionsMax / loops),
            IdleTimeout = listen.IdleTimeout,
            HeadTimeout = listen.HeadTimeout,
            ProxyProtocol = listen.ProxyProtocol,
        };
    }

    private static async Task<(GatewayConfig? Config, string Text, int Code)> TryReadAsync(string configFile, TextWriter output, CancellationToken cancellationToken)
    {
        try
        {
            var text = await File.ReadAllTextAsync(configFile, cancellationToken);
            return (ConfigParser.Parse(Path.GetFileName(configFile), text), text, 0);
        }
        catch (ConfigException mistakes)
        {
            foreach (var mistake in mistakes.Mistakes) await output.WriteLineAsync(mistake.ToString());
            return (null, "", 2);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            await output.WriteLineAsync($"{configFile}: {unreadable.Message}");
            return (null, "", 3);
        }
    }
}
