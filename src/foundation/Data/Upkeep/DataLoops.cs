using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace SkyRiff.Data;

/// <summary>The loops that every service's schema needs.</summary>
public static class DataLoops
{
    /// <summary>Publishes the service's events, and keeps its tables in shape.</summary>
    public static void AddDataLoops<TDatabase>(this IServiceCollection services)
        where TDatabase : ServiceDatabase
    {
        services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<OutboxRelay>(provider, provider.GetRequiredService<TDatabase>(), new OutboxOptions()));
        services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<Upkeep>(provider, provider.GetRequiredService<TDatabase>(), new UpkeepOptions()));
    }
}
