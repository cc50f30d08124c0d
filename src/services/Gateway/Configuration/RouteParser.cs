using System.Text;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Resilience.Adaptive;

namespace SkyRiff.Gateway.Configuration;

/// <summary>Reads one entry of <c>routes</c>.</summary>
internal static class RouteParser
{
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private static readonly Dictionary<string, AuthKind> AuthKinds = new()
    {
        ["none"] = AuthKind.None,
        ["optional"] = AuthKind.Optional,
        ["required"] = AuthKind.Required,
    };

    private static readonly Dictionary<string, Priority> Priorities = new()
    {
        ["sheddable"] = Priority.Sheddable,
        ["normal"] = Priority.Normal,
        ["high"] = Priority.High,
        ["critical"] = Priority.Critical,
    };

    public static RouteConfig Parse(ConfigNode node, int index, EdgeConfig edge)
    {
        var match = node.Section("match");
        var template = match.ParsedObject("path", "a path such as /works/{id} or /media/*", PathTemplate.TryParse) ?? PathTemplate.Everything;
        var to = node.Required("to", "the name of a cluster");
        if (to.Length > 0) Known(node, "to", to, edge);
        var route = new RouteConfig(node.Text("name") ?? $"route-{index}")
        {
            Hosts = Hosts(match),
            Path = template,
            Methods = Methods(match),
            Headers = Pairs(match, "headers"),
            Query = Pairs(match, "query"),
            Order = node.Integer("order", 0, -1000, 1000),
            Cluster = to,
            Canary = node.Has("canary") ? ParseCanary(node.Section("canary"), edge) : null,
            Rewrite = node.ParsedObject("rewrite", "a path that uses only parameters, or the tail, of match.path", text => PathRewrite.TryParse(text, template)),
            RequestHeaders = ParseFields(node.Section("request_headers")),
            ResponseHeaders = ParseFields(node.Section("response_headers")),
            QueryParameters = ParseQuery(node.Section("query")),
            Cors = node.Has("cors") ? ParseCors(node.Section("cors")) : null,
            Auth = node.Choice("auth", AuthKind.None, AuthKinds),
            Cache = node.Has("cache") ? ReuseParser.ParseCache(node.Section("cache"), edge) : null,
            Compress = node.Has("compress") ? ReuseParser.ParseCompress(node.Section("compress")) : null,
            Limits = node.Texts("limits"),
            StickyCookie = node.Text("sticky_cookie") ?? "",
            Experiments = node.Texts("experiments"),
            Mirror = node.Has("mirror") ? MirrorConfig.Parse(node.Section("mirror"), edge) : null,
            Hedge = node.Has("hedge") ? HedgeConfig.Parse(node.Section("hedge")) : null,
            Allow = ConfigParser.Ranges(node, "allow"),
            Deny = ConfigParser.Ranges(node, "deny"),
            Priority = node.Choice("priority", Priority.Normal, Priorities),
            Timeout = node.Duration("timeout", TimeSpan.FromSeconds(5), Millisecond, Day),
            StreamIdleTimeout = node.Duration("stream_idle_timeout", TimeSpan.FromSeconds(60), Millisecond, Day),
            BodyBytesMax = node.Size("body_max", 16 << 20, 0, 1L << 50),
        };
        if (route.Name.Length == 0 || route.Name.Any(c => c is <= ' ' or > '~' or '"' or '\\')) node.Mistake("name", "printable ASCII without blanks, quotes and backslashes");
        foreach (var limit in route.Limits.Where(l => edge.Limits.All(known => known.Name != l))) node.Mistake("limits", $"names from the section limits, and {limit} is none");
        foreach (var experiment in route.Experiments.Where(e => edge.Experiments.All(known => known.Name != e))) node.Mistake("experiments", $"names from the section experiments, and {experiment} is none");
        if (route.Cache is not null && route.Experiments.Count > 0) node.Mistake("cache", "no experiments beside it, since one stored answer would serve every arm");
        if (route.Auth != AuthKind.None && edge.Jwt is null && edge.ApiKeys.Count == 0) node.Mistake("auth", "a section jwt or api_keys that says who is known");
        if (route.StickyCookie.Length > 0 && !IsToken(route.StickyCookie)) node.Mistake("sticky_cookie", "a cookie's name");
        ReuseParser.Check(node, route, edge);
        match.Close();
        node.Close();
        return route;
    }

    private static CanaryConfig ParseCanary(ConfigNode node, EdgeConfig edge)
    {
        var to = node.Required("to", "the name of a cluster");
        if (to.Length > 0) Known(node, "to", to, edge);
        var canary = new CanaryConfig(to)
        {
            Percent = node.Parsed("percent", 0.0, "a number from 0 to 100", Percent),
            Header = node.Parsed<KeyValuePair<string, string>>("header", default, "NAME=VALUE", Pair) is { Key: not null } header ? header : null,
            Cookie = node.Parsed<KeyValuePair<string, string>>("cookie", default, "NAME=VALUE", Pair) is { Key: not null } cookie ? cookie : null,
            Judge = node.Flag("judge", true),
        };
        node.Close();
        return canary;
    }

    private static CorsConfig ParseCors(ConfigNode node)
    {
        var cors = new CorsConfig
        {
            Origins = node.Texts("origins"),
            Methods = node.Has("methods") ? node.Texts("methods") : ["GET", "HEAD", "POST"],
            Headers = node.Texts("headers"),
            ExposedHeaders = node.Texts("exposed_headers"),
            Credentials = node.Flag("credentials", false),
            MaxAge = node.Duration("max_age", TimeSpan.FromMinutes(10), TimeSpan.Zero, Day),
        };
        if (cors.Origins.Count == 0) node.Mistake("origins", "at least one origin such as https://app.example");
        foreach (var origin in cors.Origins.Where(o => o != "*" && !(Uri.TryCreate(o, UriKind.Absolute, out var uri) && uri.GetLeftPart(UriPartial.Authority) == o)))
            node.Mistake("origins", $"origins of scheme and host such as https://app.example, and {origin} is none");
        if (cors.Credentials && cors.Origins.Contains("*")) node.Mistake("credentials", "origins by name beside it: with \"*\" any site could act as the user");
        foreach (var name in cors.Methods.Concat(cors.Headers).Concat(cors.ExposedHeaders).Where(n => !IsToken(n))) node.Mistake("headers", $"names of methods and headers, and {name} is none");
        node.Close();
        return cors;
    }

    private static KeyValuePair<string, string>? Pair(string text)
    {
        var equals = text.IndexOf('=');
        return equals > 0 && IsToken(text[..equals]) && ValueTemplate.IsAllowed(text) ? new(text[..equals], text[(equals + 1)..]) : null;
    }

    private static List<string> Hosts(ConfigNode match)
    {
        var hosts = match.Texts("host").ToList();
        foreach (var host in hosts)
        {
            var name = host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host;
            if (name.Length == 0 || name.Any(c => c >= 128) || Encoding.ASCII.GetBytes(name).AsSpan().ContainsAnyExcept(HttpBytes.HostName))
                match.Mistake("host", $"names such as shop.example or *.shop.example without a port, and {host} is none");
        }
        return hosts;
    }

    private static List<string> Methods(ConfigNode match)
    {
        var methods = match.Texts("methods").ToList();
        foreach (var method in methods.Where(m => m.Length is 0 or > 32 || !m.All(c => char.IsAsciiLetterUpper(c) || c is '-' or '_'))) match.Mistake("methods", $"methods in capitals, and {method} is none");
        return methods;
    }

    private static List<KeyValuePair<string, string>> Pairs(ConfigNode node, string key)
    {
        var pairs = node.Pairs(key).ToList();
        foreach (var pair in pairs.Where(p => !IsToken(p.Key) || p.Value.Any(c => c is < ' ' or > '~'))) node.Mistake(key, $"names and printable values, and {pair.Key} is none");
        return pairs;
    }

    private static FieldTransforms ParseFields(ConfigNode node)
    {
        var (set, add, remove) = (node.Pairs("set").ToList(), node.Pairs("add").ToList(), node.Texts("remove"));
        foreach (var (key, names) in new[] { ("set", set.Select(p => p.Key)), ("add", add.Select(p => p.Key)), ("remove", remove) })
        {
            foreach (var name in names.Where(n => !FieldTransforms.IsAllowedName(n))) node.Mistake(key, $"names of headers that are neither framing nor hop-by-hop, and {name} is none");
        }
        foreach (var pair in set.Concat(add).Where(p => !ValueTemplate.IsAllowed(p.Value))) node.Mistake("set", $"values without control characters, and that of {pair.Key} has one");
        node.Close();
        return set.Count + add.Count + remove.Count == 0 ? FieldTransforms.None : new(set, add, remove);
    }

    private static QueryTransforms ParseQuery(ConfigNode node)
    {
        var (set, remove) = (node.Pairs("set").ToList(), node.Texts("remove"));
        foreach (var text in set.Select(p => p.Key + p.Value).Concat(remove).Where(t => t.Any(c => c >= 128 || c is '&' or '#' || !HttpBytes.Query.Contains((byte)c))))
            node.Mistake("set", $"percent-encoded names and values, and {text} is none");
        node.Close();
        return set.Count + remove.Count == 0 ? QueryTransforms.None : new(set, remove);
    }

    internal static double? Percent(string text) =>
        double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 100 ? value : null;

    internal static bool IsToken(string text) => text.All(c => c < 128) && HttpBytes.IsToken(Encoding.ASCII.GetBytes(text));

    internal static void Known(ConfigNode node, string key, string cluster, EdgeConfig edge)
    {
        if (edge.Clusters.All(c => c.Name != cluster)) node.Mistake(key, "one of the clusters: " + string.Join(", ", edge.Clusters.Select(c => c.Name)));
    }
}
