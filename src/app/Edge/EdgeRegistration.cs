using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SkyRiff.Http;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.App.Edge;

/// <summary>What <see cref="Admission"/> needs, and the gate in front of the use cases.</summary>
internal static class EdgeRegistration
{
    public static void Add(IServiceCollection services, EdgeOptions options)
    {
        services.AddSingleton<EdgeTelemetry>();
        services.AddSingleton<EdgeLimits>();
        if (!options.Enabled) return;
        services.AddSingleton<CallGate>();
        services.AddSingleton<ICallGate>(provider => provider.GetRequiredService<CallGate>());
        // Not AddHostedService, which takes one sweeper for another.
        services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<LimitSweeper>(provider, provider.GetRequiredService<EdgeLimits>().LocalTables));
    }
}
