using System.Net;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Configuration;

/// <summary>Reads a configuration file as a whole: either a configuration, or every mistake in it with its line.</summary>
internal static class ConfigParser
{
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private static readonly Dictionary<string, LimitSubject> LimitSubjects = new()
    {
        ["address"] = LimitSubject.Address,
        ["user"] = LimitSubject.User,
        ["route"] = LimitSubject.Route,
    };

    private static readonly Dictionary<string, TrustedHeader> TrustedHeaders = new()
    {
        ["x_forwarded_for"] = TrustedHeader.XForwardedFor,
        ["forwarded"] = TrustedHeader.Forwarded,
    };

    /// <exception cref="ConfigException">With every mistake.</exception>
    public static GatewayConfig Parse(string file, string text)
    {
        var mistakes = new List<ConfigMistake>();
        var root = ConfigNode.Root(file, text, mistakes);
        if (mistakes.Count > 0) throw new ConfigException(mistakes);
        var config = new GatewayConfig
        {
            Listen = [.. root.Items("listen", shortKey: "address").Select(ParseListen)],
            Admin = root.ParsedObject("admin", "an address such as 127.0.0.1:9901", ParseEndPoint),
            Edge = ParseEdge(root),
        };
        foreach (var listen in config.Listen.Where(l => l.IsLean))
        {
            if (config.Edge.Clusters.Any(c => c.UseHttp2)) root.Mistake("listen", $"tls or front: kestrel on {listen.Address}, since a cluster speaks HTTP/2, which the lean front does not");
        }
        root.Close();
        if (mistakes.Count > 0) throw new ConfigException([.. mistakes.OrderBy(m => m.Line)]);
        return config;
    }

    public static async Task<GatewayConfig> ReadAsync(string path, CancellationToken cancellationToken) =>
        Parse(Path.GetFileName(path), await File.ReadAllTextAsync(path, cancellationToken));

    internal static IPEndPoint? ParseEndPoint(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && text.AsSpan(colon + 1).IndexOfAnyExceptInRange('0', '9') < 0 && colon < text.Length - 1 && IPEndPoint.TryParse(text, out var endPoint) ? endPoint : null;
    }

    private static string? ParseRedis(string text)
    {
        try
        {
            return Redis.RedisOptions.Parse(text).Validate().Count == 0 ? text : null;
        }
        catch (Exception broken) when (broken is FormatException or OverflowException)
        {
            return null;
        }
    }

    private static ListenConfig ParseListen(ConfigNode node)
    {
        const string Expected = "an address such as 0.0.0.0:8080";
        node.Required("address", Expected);
        var address = node.ParsedObject("address", Expected, ParseEndPoint) ?? new IPEndPoint(IPAddress.None, 0);
        var tls = node.Section("tls");
        var listen = new ListenConfig(address)
        {
            Certificate = node.Has("tls") ? tls.Required("certificate", "the path of a PEM file") : null,
            Key = node.Has("tls") ? tls.Required("key", "the path of a PEM file") : null,
            IsLean = !node.Has("tls") && node.Choice("front", true, new Dictionary<string, bool> { ["lean"] = true, ["kestrel"] = false }),
            ProxyProtocol = node.Flag("proxy_protocol", false),
            Loops = node.Integer("loops", 0, 0, 256),
            ConnectionsMax = node.Integer("connections_max", 64_000, 1, 1_000_000),
            IdleTimeout = node.Duration("idle_timeout", TimeSpan.FromSeconds(75), Millisecond, Hour),
            HeadTimeout = node.Duration("head_timeout", TimeSpan.FromSeconds(10), Millisecond, Hour),
        };
        if (listen is { ProxyProtocol: true, IsLean: false }) node.Mistake("proxy_protocol", "the lean front, which alone reads the PROXY protocol");
        tls.Close();
        node.Close();
        return listen;
    }

    private static EdgeConfig ParseEdge(ConfigNode root)
    {
        var head = root.Section("head");
        var log = root.Section("access_log");
        var redis = root.ParsedObject("redis", "an address such as redis://127.0.0.1:6379 or unix:///run/redis.sock", ParseRedis) ?? "";
        var edge = new EdgeConfig
        {
            HeadLimits = new HeadLimits
            {
                HeadBytesMax = (int)head.Size("bytes_max", 16 * 1024, 1024, 16 * 1024),
                TargetBytesMax = (int)head.Size("target_bytes_max", 8 * 1024, 256, 16 * 1024),
                FieldCountMax = head.Integer("fields_max", 100, 10, 100),
                EncodedSlashAllowed = head.Flag("encoded_slash_allowed", false),
            },
            Redis = redis,
            Clusters = [.. root.Named("clusters").Select(c => ClusterParser.Parse(c.Name, c.Node, redis.Length > 0))],
            Limits = [.. root.Named("limits").Select(l => ParseLimit(l.Name, l.Node, redis.Length > 0))],
            Jwt = root.Has("jwt") ? ParseJwt(root.Section("jwt"), redis.Length > 0) : null,
            ApiKeys = [.. root.Items("api_keys").Select(ParseKey)],
            IdentityHeader = root.Text("identity_header") ?? "X-User-Id",
            TrustedProxies = Ranges(root, "trusted_proxies"),
            TrustedHeader = root.Choice("trusted_header", TrustedHeader.XForwardedFor, TrustedHeaders),
            Deny = Ranges(root, "deny"),
            Allow = Ranges(root, "allow"),
            Experiments = [.. root.Named("experiments").Select(e => ExperimentParser.Parse(e.Name, e.Node))],
            ExperimentCookie = root.Text("experiment_cookie") ?? "ab",
            Maintenance = root.Duration("maintenance", TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            ResponseStore = ReuseParser.ParseStore(root.Section("response_cache")),
            SecurityHeaders = root.Flag("security_headers", false),
            AccessLog = root.Has("access_log") ? new AccessLogConfig(log.Required("path", "the path of a file")) { Sample = log.Share("sample", 1) } : null,
        };
        if (!FieldTransforms.IsAllowedName(edge.IdentityHeader)) root.Mistake("identity_header", "the name of a header that is neither framing nor hop-by-hop");
        if (!RouteParser.IsToken(edge.ExperimentCookie)) root.Mistake("experiment_cookie", "a cookie's name");
        head.Close();
        log.Close();
        edge = edge with { Routes = [.. root.Items("routes").Select((node, index) => RouteParser.Parse(node, index, edge))] };
        if (edge.Routes.Count == 0) root.Mistake("routes", "at least one route");
        foreach (var twice in edge.Routes.GroupBy(r => r.Name).Where(g => g.Count() > 1)) root.Mistake("routes", $"names that differ; {twice.Key} is there {twice.Count()} times");
        return edge;
    }

    private static LimitConfig ParseLimit(string name, ConfigNode node, bool hasRedis)
    {
        const string Expected = "a rate such as 100/s or 1000/60s";
        node.Required("rate", Expected);
        var (count, period) = node.Parsed("rate", (1L, TimeSpan.FromSeconds(1)), Expected, text => Units.TryRate(text, out var c, out var p) ? (c, p) : null);
        var limit = new LimitConfig(name)
        {
            By = node.Choice("by", LimitSubject.Address, LimitSubjects),
            Count = count,
            Period = period,
            Burst = node.Integer("burst", 0, 1, 1_000_000),
            Everywhere = node.Flag("everywhere", false),
            Shared = node.Flag("shared", false),
            Share = node.Share("share", 0.25),
        };
        if (limit.Shared)
        {
            if (!hasRedis) node.Mistake("shared", "a key redis at the top, with the address of the Redis that counts");
            if (!Discovery.Registry.IsName(name)) node.Mistake("shared", "a limit whose name is letters, digits, dots and dashes");
            if (limit.Burst > 0 && limit.Count / limit.Period.TotalSeconds > 100_000) node.Mistake("shared", "a rate of at most 100000/s");
        }
        if (limit.Share <= 0) node.Mistake("share", "a share above 0");
        if (!limit.Shared && node.Has("share")) node.Mistake("share", "shared: true beside it");
        if (name.Any(c => c is < ' ' or > '~')) node.Mistake("rate", "a limit whose name is printable ASCII");
        node.Close();
        return limit;
    }

    private static JwtConfig ParseJwt(ConfigNode node, bool hasRedis)
    {
        var jwt = new JwtConfig(node.Required("issuer", "the issuer that tokens name"), node.Required("audience", "the audience that tokens name"))
        {
            Jwks = node.Required("jwks", "a file or an http(s) address with the issuer's keys"),
            Leeway = node.Duration("leeway", TimeSpan.FromSeconds(30), TimeSpan.Zero, TimeSpan.FromMinutes(5)),
            CacheMax = node.Integer("cache_max", 100_000, 100, 10_000_000),
            Revocations = node.Text("revocations") ?? "",
        };
        if (jwt.Revocations.Length > 0 && !Discovery.Registry.IsName(jwt.Revocations)) node.Mistake("revocations", "the name of a list: letters, digits, dots, dashes");
        if (jwt.Revocations.Length > 0 && !hasRedis) node.Mistake("revocations", "a key redis at the top, with the address of the Redis that has the list");
        node.Close();
        return jwt;
    }

    private static ApiKeyConfig ParseKey(ConfigNode node)
    {
        const string Expected = "the SHA-256 of the key, in 64 hexadecimal digits";
        node.Required("sha256", Expected);
        var user = node.Required("user", "who the key stands for");
        var hash = node.ParsedObject("sha256", Expected, text => text.Length == 64 && text.All(char.IsAsciiHexDigit) ? Convert.FromHexString(text) : null);
        if (user.Any(c => c is <= ' ' or > '~')) node.Mistake("user", "printable ASCII without blanks");
        node.Close();
        return new(user, hash ?? new byte[32]);
    }

    internal static List<AddressRange> Ranges(ConfigNode root, string key)
    {
        var ranges = new List<AddressRange>();
        foreach (var text in root.Texts(key))
        {
            if (AddressRange.TryParse(text) is { } range) ranges.Add(range);
            else root.Mistake(key, $"addresses or blocks such as 10.0.0.0/8, and {text} is none");
        }
        return ranges;
    }
}
