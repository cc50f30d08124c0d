using System.Net;
using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.Discovery;

/// <summary>Endpoints out of DNS: the addresses of one name, or the hosts of a service with their ports and weights.</summary>
internal sealed class DnsSource(DiscoveryConfig config, DnsClient dns) : IEndpointSource
{
    /// <summary>An answer that claims to be good for longer is asked for again after this.</summary>
    private static readonly TimeSpan AgeMax = TimeSpan.FromMinutes(5);

    /// <summary>When there is no such name, or nothing behind it.</summary>
    private static readonly TimeSpan AskAgainWhenEmpty = TimeSpan.FromSeconds(5);

    private const int AliasesMax = 8;

    public async Task<FoundEndpoints> AskAsync(CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, EndpointConfig>(StringComparer.Ordinal);
        var age = AgeMax;
        if (config.Kind == DiscoveryKind.DnsAddresses)
        {
            age = Min(age, await AddAsync(config.Name, config.Port, 1, [], found, cancellationToken));
        }
        else
        {
            var reply = await dns.AskAsync(config.Name, DnsType.Srv, cancellationToken);
            var services = Behind(reply.Answers, config.Name, DnsType.Srv);
            // A target of "." says that the service is decidedly not there (RFC 2782).
            services.RemoveAll(s => s.Target.Length == 0 || s.Port == 0);
            foreach (var service in services.Where(s => s.Priority == services.Min(other => other.Priority)))
            {
                age = Min(age, service.TimeToLive);
                age = Min(age, await AddAsync(service.Target, service.Port, Math.Clamp(service.Weight, 1, 1000), reply.Additional, found, cancellationToken));
            }
        }
        var endpoints = found.Values.OrderBy(e => e.Id, StringComparer.Ordinal).Take(DiscoveryConfig.EndpointsMax).ToList();
        if (endpoints.Count == 0) age = Min(age, AskAgainWhenEmpty);
        return new(endpoints, age < config.Interval ? config.Interval : age);
    }

    private async Task<TimeSpan> AddAsync(string host, int port, int weight, IReadOnlyList<DnsRecord> known, Dictionary<string, EndpointConfig> found, CancellationToken cancellationToken)
    {
        var age = AgeMax;
        var addresses = Addresses(known, host);
        if (addresses.Count == 0) addresses = Addresses((await dns.AskAsync(host, DnsType.A, cancellationToken)).Answers, host);
        // Only then: an instance with both would count twice.
        if (addresses.Count == 0) addresses = Addresses((await dns.AskAsync(host, DnsType.Aaaa, cancellationToken)).Answers, host);
        foreach (var record in addresses)
        {
            age = Min(age, record.TimeToLive);
            var endPoint = new IPEndPoint(record.Address, port);
            found[endPoint.ToString()] = new(endPoint.ToString(), endPoint, weight);
        }
        return age;
    }

    private static List<DnsRecord> Addresses(IReadOnlyList<DnsRecord> records, string host)
    {
        var addresses = Behind(records, host, DnsType.A);
        return addresses.Count > 0 ? addresses : Behind(records, host, DnsType.Aaaa);
    }

    /// <summary>The records of a name, or of what it is another name for; an answer about other names is not looked at.</summary>
    private static List<DnsRecord> Behind(IReadOnlyList<DnsRecord> records, string name, DnsType type)
    {
        for (var aliases = 0; aliases <= AliasesMax; aliases++)
        {
            var own = records.Where(r => r.Type == type && DnsMessage.IsSame(r.Name, name)).ToList();
            if (own.Count > 0) return own;
            if (records.FirstOrDefault(r => r.Type == DnsType.Cname && DnsMessage.IsSame(r.Name, name)) is not { } alias) return [];
            name = alias.Target;
        }
        return [];
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
