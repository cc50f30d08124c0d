using System.Text;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Gateway.Telemetry;

namespace SkyRiff.Gateway.Decisions;

/// <summary>What is asked for, compiled: where it goes, and on what conditions.</summary>
internal sealed class Route(RouteConfig config, int index, Arm primary, Canary? canary, RateLimit[] addressLimits, RateLimit[] userLimits)
{
    public string Name => Config.Name;

    public byte[] NameBytes { get; } = Encoding.ASCII.GetBytes(config.Name);

    /// <summary>Dense, per configuration.</summary>
    public int Index { get; } = index;

    public int MetricsIndex { get; } = MetricNames.IndexOf(config.Name);

    public RouteConfig Config { get; } = config;

    public IReadOnlyList<string> Hosts => Config.Hosts;

    public PathTemplate Path => Config.Path;

    public CorsPolicy? Cors { get; } = config.Cors is null ? null : new CorsPolicy(config.Cors);

    public RouteConditions Conditions { get; } = new(config.Methods, config.Headers, config.Query);

    public RouteCache? Cache { get; init; }

    public Compressor? Compressor { get; } = config.Compress is null ? null : new Compressor(config.Compress);

    public Arm Primary { get; } = primary;

    public Canary? Canary { get; } = canary;

    /// <summary>Checked before credentials are, so that guessing them is limited too.</summary>
    public RateLimit[] AddressLimits { get; } = addressLimits;

    /// <summary>Checked when it is known who asks.</summary>
    public RateLimit[] UserLimits { get; } = userLimits;

    /// <summary>Who may ask; empty: everybody whom the whole gateway lets in.</summary>
    public AddressRange[] Allow { get; } = [.. config.Allow];

    public AddressRange[] Deny { get; } = [.. config.Deny];

    public Experiment[] Experiments { get; init; } = [];

    public Mirror? Mirror { get; init; }

    public Hedging? Hedging { get; init; }

    public byte[] StickyCookie { get; } = Encoding.ASCII.GetBytes(config.StickyCookie);

    /// <summary>Tells the upstream how long anybody waits for its answer.</summary>
    public byte[] DeadlineField { get; } = Encoding.ASCII.GetBytes($"X-Deadline-Ms: {(long)config.Timeout.TotalMilliseconds}\r\n");

    // Copied out of the configuration because they are read for every request.
    public TimeSpan Timeout { get; } = config.Timeout;

    public TimeSpan StreamIdleTimeout { get; } = config.StreamIdleTimeout;

    public long BodyBytesMax { get; } = config.BodyBytesMax;
}
