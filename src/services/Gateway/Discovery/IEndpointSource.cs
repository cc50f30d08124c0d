using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.Discovery;

/// <summary>The endpoints that were found, and after how long to ask again.</summary>
internal readonly record struct FoundEndpoints(IReadOnlyList<EndpointConfig> Endpoints, TimeSpan AskAgainAfter);

/// <summary>Somebody who knows the endpoints of a cluster: DNS, a file, a registry.</summary>
internal interface IEndpointSource
{
    /// <exception cref="DiscoveryException">They could not be found out now.</exception>
    Task<FoundEndpoints> AskAsync(CancellationToken cancellationToken);
}
