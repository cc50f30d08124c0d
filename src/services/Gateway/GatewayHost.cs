using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Discovery;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.Running;
using SkyRiff.Gateway.Telemetry;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Gateway;

/// <summary>The gateway by itself: <c>skyriff gateway run --config FILE</c> and <c>skyriff gateway check FILE</c>.</summary>
public static class GatewayHost
{
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>
    /// For a process that is the gateway's alone, before its first socket: bytes are handled on the thread that they arrive on, since nothing on a request's way
    /// blocks. The runtime reads this once, and from the environment only; what an operator has put there stays.
    /// </summary>
    public static void PrepareProcess()
    {
        if (Environment.GetEnvironmentVariable(InlineCompletions) is null) Environment.SetEnvironmentVariable(InlineCompletions, "1");
    }

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

        // The operators' view is there before anything is waited for, and says "ready" when everybody is served.
        var (fronts, kestrels) = (Array.Empty<LeanFront>(), Array.Empty<KestrelFront>());
        var isServing = false;
        await using var reloader = new ConfigReloader(configFile, text, runtime, time, entropy, loggers.CreateLogger<ConfigReloader>());
        await using var admin = config.Admin is null ? null : await AdminServer.StartAsync(config.Admin, runtime, () => Volatile.Read(ref isServing),
            () => [.. fronts.SelectMany(f => f.Metrics), .. kestrels.Select(k => k.Metrics)], () => Describe(fronts, reloader), () => reloader.LastMistakes, stopping);
        await runtime.StartAsync(stopping);
        foreach (var listen in config.Listen.Where(l => l.IsLean)) fronts = [.. fronts, LeanFront.Start(OptionsOf(listen), runtime.Snapshot, time, entropy, log)];
        foreach (var listen in config.Listen.Where(l => !l.IsLean)) kestrels = [.. kestrels, await KestrelFront.StartAsync(listen, runtime, log, time, stopping)];
        runtime.Applied += snapshot => Array.ForEach(fronts, front => front.Snapshot = snapshot);
        Array.ForEach(fronts, front => front.Snapshot = runtime.Snapshot); // what was applied meanwhile
        await reloader.StartAsync(stopping);
        Volatile.Write(ref isServing, true);

        foreach (var front in fronts) await output.WriteLineAsync($"listening on http://{front.EndPoint}");
        foreach (var front in kestrels) await output.WriteLineAsync($"listening on {front.EndPoint} with Kestrel");
        if (config.Admin is not null) await output.WriteLineAsync($"admin on http://{config.Admin}");
        await output.FlushAsync(CancellationToken.None);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll([.. fronts.Select(front => front.DrainAsync()), .. kestrels.Select(front => front.DrainAsync())]);
        return 0;
    }

    /// <summary>
    /// Keeps an instance in a registry until <paramref name="stopping"/> is cancelled, then takes it out. With <paramref name="check"/> only while that address answers
    /// 2xx. Answers 2 when an argument cannot be used, and says which.
    /// </summary>
    public static async Task<int> RegisterAsync(string redis, string registry, string address, int weight, TimeSpan lease, Uri? check, TextWriter output, ILoggerFactory loggers, CancellationToken stopping)
    {
        var mistakes = new List<string>();
        var options = TryParseRedis(redis, mistakes);
        if (!Registry.IsName(registry)) mistakes.Add("--registry: letters, digits, dots, dashes");
        if (DiscoveryParser.ParseAddress(address) is null) mistakes.Add("--address: an address such as 10.0.0.1:5000, or unix:/path/to/socket");
        if (weight is < 1 or > 1000) mistakes.Add("--weight: 1 to 1000");
        if (lease < TimeSpan.FromSeconds(1) || lease > TimeSpan.FromHours(1)) mistakes.Add("--lease: 1s to 1h");
        if (check is not null && (!check.IsAbsoluteUri || check.Scheme is not ("http" or "https"))) mistakes.Add("--check: an address such as http://10.0.0.1:5000/health/ready");
        foreach (var mistake in mistakes) await output.WriteLineAsync(mistake);
        if (mistakes.Count > 0) return 2;
        var (time, entropy) = (TimeProvider.System, Entropy.System);
        await using var client = RedisClient.Create(options!, time, entropy, loggers.CreateLogger<RedisClient>());
        await using var registration = new Registration(new Registry(client, registry), address, weight, lease, check, time, entropy, loggers.CreateLogger<Registration>());
        await registration.StartAsync(stopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return 0;
    }

    /// <summary>
    /// Puts a user's tokens up to now, or a session's, on a list that gateways follow. Answers 2 when an argument cannot be used, and says which; 1 when Redis cannot be told.
    /// </summary>
    public static async Task<int> RevokeAsync(string redis, string list, string? user, string? session, TextWriter output, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var mistakes = new List<string>();
        var options = TryParseRedis(redis, mistakes);
        if (!Registry.IsName(list)) mistakes.Add("--list: letters, digits, dots, dashes");
        if ((user is null) == (session is null)) mistakes.Add("--user or --session: one of them");
        if ((user ?? session) is "" or { Length: > RevocationList.IdLengthMax }) mistakes.Add($"--user, --session: 1 to {RevocationList.IdLengthMax} letters");
        foreach (var mistake in mistakes) await output.WriteLineAsync(mistake);
        if (mistakes.Count > 0) return 2;
        await using var client = RedisClient.Create(options!, TimeProvider.System, Entropy.System, loggers.CreateLogger<RedisClient>());
        try
        {
            var revocations = new RevocationList(client, list);
            await (user is not null ? revocations.RevokeUserAsync(user, cancellationToken) : revocations.RevokeSessionAsync(session!, cancellationToken));
        }
        catch (RedisException away)
        {
            await output.WriteLineAsync($"Redis was not told: {away.Message}");
            return 1;
        }
        await output.WriteLineAsync(user is not null ? $"tokens of user {user} up to now are revoked" : $"tokens of session {session} are revoked");
        return 0;
    }

    private static RedisOptions? TryParseRedis(string redis, List<string> mistakes)
    {
        try
        {
            var options = RedisOptions.Parse(redis);
            mistakes.AddRange(options.Validate());
            return options;
        }
        catch (Exception broken) when (broken is FormatException or OverflowException)
        {
            mistakes.Add("--redis: " + broken.Message);
            return null;
        }
    }

    private static object Describe(LeanFront[] fronts, ConfigReloader reloader) => new
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
            hedges = f.Counters.Sum(c => c.Hedges),
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
