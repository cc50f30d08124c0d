using System.Net;
using System.Net.Sockets;
using System.Text;
using SkyRiff.Gateway.Discovery;

namespace SkyRiff.Gateway.Configuration;

/// <summary>Reads <c>discover</c> of a cluster, and endpoints wherever they are written.</summary>
internal static class DiscoveryParser
{
    private const string EndpointExpected = "an address such as 127.0.0.1:5000, or unix:/path/to/socket";

    private static readonly (string Key, DiscoveryKind Kind, string Expected)[] Kinds =
    [
        ("dns", DiscoveryKind.DnsAddresses, "a name such as api.default.svc.cluster.local"),
        ("srv", DiscoveryKind.DnsServices, "a name such as _http._tcp.api.default.svc.cluster.local"),
        ("file", DiscoveryKind.File, "the path of a file with a list endpoints"),
        ("registry", DiscoveryKind.Registry, "the name of a registry: letters, digits, dots, dashes"),
    ];

    public static DiscoveryConfig Parse(ConfigNode node, bool hasRedis)
    {
        var given = Kinds.Where(k => node.Has(k.Key)).ToList();
        if (given.Count != 1) node.Mistake("dns", "one of dns, srv, file, registry");
        var (key, kind, expected) = given.Count > 0 ? given[0] : Kinds[0];
        var name = given.Count > 0 ? node.Required(key, expected) : "";
        var isGood = kind switch
        {
            DiscoveryKind.File => true,
            DiscoveryKind.Registry => Registry.IsName(name),
            _ => DnsMessage.IsName(name),
        };
        if (name.Length > 0 && !isGood) node.Mistake(key, expected);
        if (kind == DiscoveryKind.Registry && given.Count > 0 && !hasRedis) node.Mistake(key, "a key redis at the top, with the address of the registry's Redis");
        var isDns = kind is DiscoveryKind.DnsAddresses or DiscoveryKind.DnsServices;
        if (!isDns && node.Has("server")) node.Mistake("server", "dns or srv beside it");
        var config = new DiscoveryConfig(kind, name)
        {
            Port = node.Integer("port", 0, 1, 65_535),
            Server = node.ParsedObject("server", "a DNS server such as 10.96.0.10:53", ConfigParser.ParseEndPoint),
            Interval = node.Duration("interval", TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1)),
        };
        if (kind == DiscoveryKind.DnsAddresses && given.Count > 0 && config.Port == 0) node.Mistake("port", "the port of the endpoints, since an address has none");
        if (kind != DiscoveryKind.DnsAddresses && config.Port != 0) node.Mistake("port", "dns beside it: the others name ports themselves");
        node.Close();
        return config;
    }

    public static IReadOnlyList<EndpointConfig> ParseEndpoints(ConfigNode node)
    {
        var endpoints = node.Items("endpoints", shortKey: "address").Select(ParseEndpoint).ToList();
        foreach (var twice in endpoints.GroupBy(e => e.Id).Where(g => g.Count() > 1)) node.Mistake("endpoints", $"addresses that differ; {twice.Key} is there {twice.Count()} times");
        if (endpoints.Count > DiscoveryConfig.EndpointsMax) node.Mistake("endpoints", $"at most {DiscoveryConfig.EndpointsMax} addresses");
        return endpoints;
    }

    /// <summary>An endpoint's text as an address; null when it is none.</summary>
    public static EndPoint? ParseAddress(string text) => text.StartsWith("unix:", StringComparison.Ordinal)
        ? text.Length > 5 && Encoding.UTF8.GetByteCount(text) < 112 ? new UnixDomainSocketEndPoint(text[5..]) : null
        : ConfigParser.ParseEndPoint(text);

    private static EndpointConfig ParseEndpoint(ConfigNode node)
    {
        var text = node.Required("address", EndpointExpected);
        var address = ParseAddress(text);
        if (address is null && text.Length > 0) node.Mistake("address", EndpointExpected);
        var endpoint = new EndpointConfig(text, address ?? new IPEndPoint(IPAddress.None, 0), node.Integer("weight", 1, 1, 1000));
        node.Close();
        return endpoint;
    }
}
