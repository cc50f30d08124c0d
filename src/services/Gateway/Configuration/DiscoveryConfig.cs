using System.Net;

namespace SkyRiff.Gateway.Configuration;

internal enum DiscoveryKind : byte
{
    /// <summary>The addresses of a name (A, or AAAA where there is no A), all with the same port; a headless service in Kubernetes.</summary>
    DnsAddresses,

    /// <summary>Hosts, ports and weights of a service name (SRV).</summary>
    DnsServices,

    /// <summary>A file with a list of endpoints, read again when it changes.</summary>
    File,

    /// <summary>A registry in Redis, in which instances hold leases.</summary>
    Registry,
}

/// <summary>Where the endpoints of a cluster come from when they do not stand in the file.</summary>
/// <param name="Kind">Which way.</param>
/// <param name="Name">The DNS name, the path, or the registry's name.</param>
internal sealed record DiscoveryConfig(DiscoveryKind Kind, string Name)
{
    public const int EndpointsMax = 1000;

    /// <summary>Of the endpoints, when only addresses are found.</summary>
    public int Port { get; init; }

    /// <summary>The DNS server to ask; null: those of /etc/resolv.conf.</summary>
    public IPEndPoint? Server { get; init; }

    /// <summary>How often a file or a registry is read; a DNS answer is asked for again when it has expired, but not more often than this.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);
}
