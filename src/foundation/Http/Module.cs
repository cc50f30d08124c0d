using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace SkyRiff.Http;

/// <summary>
/// A service as the program composes it: the facets it offers. A process's role decides which facets it runs; the service itself does
/// not know its role. This is the only public type of a service.
/// </summary>
public abstract class Module
{
    /// <summary>Lower-case; also the service's schema and configuration section.</summary>
    public abstract string Name { get; }

    /// <summary>What every facet needs: options, stores, the implementation of the contracts.</summary>
    public abstract void Register(IServiceCollection services, IConfiguration configuration);

    /// <summary>The HTTP routes.</summary>
    public virtual void Http(ApiRoutes api)
    {
    }

    /// <summary>Background loops, as hosted services.</summary>
    public virtual void Loops(IServiceCollection services)
    {
    }

    /// <summary>Consumers of other services' events.</summary>
    public virtual void Consumers(IServiceCollection services)
    {
    }
}
