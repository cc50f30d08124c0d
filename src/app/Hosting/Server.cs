using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Edge;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Redis;

namespace SkyRiff.App.Hosting;

/// <summary>
/// The process as a server: the modules of its role over their databases, behind one HTTP pipeline. Building it touches nothing outside;
/// <see cref="StartAsync"/> migrates, prepares the services, and listens.
/// </summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly AppOptions _options;

    private Server(WebApplication app, AppOptions options) => (_app, _options) = (app, options);

    public IServiceProvider Services => _app.Services;

    public AppOptions Options => _options;

    /// <summary>Every declared route, for the OpenAPI document and the golden list.</summary>
    public List<ApiRoute> Routes { get; } = [];

    /// <exception cref="ConfigurationException">Names every mistake in the configuration.</exception>
    public static Server Build(IConfiguration configuration, MasterKey masterKey, Action<ILoggingBuilder>? logging = null, Action<IServiceCollection>? replace = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "skyriff" });
        builder.Configuration.AddConfiguration(configuration);
        var services = builder.Services;
        var options = services.AddOptionsOf<AppOptions>(configuration, "App", app => app.Validate());
        configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Payments:PublicBaseUrl"] = options.Url }).AddConfiguration(configuration).Build();
        var data = services.AddOptionsOf<DataOptions>(configuration, "Data", shards => shards.Validate());
        var redis = services.AddOptionsOf<RedisConnectionOptions>(configuration, "Redis", connection => connection.Validate());
        var cache = services.AddOptionsOf<ProcessCacheOptions>(configuration, "Cache", copies => copies.Validate());
        var edge = services.AddOptionsOf<EdgeOptions>(configuration, "Edge", limits => limits.Validate());
        var modules = Roles.Of(options.Role);

        services.AddRouting();
        services.AddResponseCompression(compression =>
        {
            compression.EnableForHttps = true;
            compression.MimeTypes = [.. ResponseCompressionDefaults.MimeTypes, "application/problem+json", "application/vnd.apple.mpegurl", "image/svg+xml"];
        });
        services.AddLogging(log => (logging ?? ConsoleLog.Add)(log));
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(Entropy.System);
        services.AddSingleton(masterKey);
        services.AddSingleton(new CursorSeal(masterKey.Derive("http/cursors")));
        services.AddSingleton<UserEventHub>();
        services.AddHostedService<RedisUserEvents>();
        services.AddSingleton<UserEventStream>();
        services.AddSingleton<IFaultTranslator, DataFaults>();
        services.AddSingleton<Health>();
        RedisConnection.Add(services, redis);
        ProcessCache.Add(services, cache);
        EdgeRegistration.Add(services, edge);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.StopGrace);

        foreach (var (module, facets) in modules)
        {
            module.Register(services, configuration);
            if (facets.HasFlag(Facets.Loops)) module.Loops(services);
            if (facets.HasFlag(Facets.Consumers)) module.Consumers(services);
        }
        replace?.Invoke(services);

        ConfigurationException.ThrowIfAny(OptionsMistakes.Of(services), configuration);
        services.AddSingleton(_ => new ShardMap(data));
        services.AddSingleton<Migrator>();
        services.AddHostedService<DirectoryRefresh>();
        services.AddHostedService<ReplicaWatch>();
        services.AddSingleton<Wakeups>();
        services.AddHostedService(provider => provider.GetRequiredService<Wakeups>());
        services.AddSingleton<InProcessBus>();
        services.AddSingleton<IEventPublisher>(provider => provider.GetRequiredService<InProcessBus>());

        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, options, edge.Enabled ? new ConnectionLimit(edge) : null));
        var server = new Server(builder.Build(), options);
        server.MapPipeline(modules);
        return server;
    }

    /// <summary>Migrates, prepares the services, listens, and starts the loops.</summary>
    public async Task StartAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        await MigrateAsync(progress, cancellationToken);
        foreach (var readiness in Services.GetServices<IReadiness>()) await readiness.PrepareAsync(cancellationToken);
        await RedisConnection.GreetAsync(Services.GetRequiredService<RedisClient>(), cancellationToken);
        await _app.StartAsync(cancellationToken);
        Services.GetRequiredService<Health>().Ready = true;
    }

    /// <summary>For commands beside a running instance: learns where the shards' slots are, and changes nothing.</summary>
    public Task LoadDirectoryAsync(CancellationToken cancellationToken) => new DirectoryStore(Services.GetRequiredService<ShardMap>()).LoadAsync(cancellationToken);

    public async Task<int> MigrateAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        var migrations = Roles.Modules().Select(module => Migration.Embedded(module.Name, module.GetType().Assembly)).Where(list => list.Count > 0).ToList();
        var applied = await Services.GetRequiredService<Migrator>().RunAsync(migrations, cancellationToken);
        if (applied > 0) progress.Report($"Applied {applied} migrations.");
        return applied;
    }

    public Task WaitForShutdownAsync(CancellationToken cancellationToken) => _app.WaitForShutdownAsync(cancellationToken);

    /// <summary>Stops taking calls, lets those in progress and the loops end, within the grace.</summary>
    public async Task StopAsync()
    {
        Services.GetRequiredService<Health>().Ready = false;
        using var grace = new CancellationTokenSource(_options.StopGrace);
        await _app.StopAsync(grace.Token);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private void MapPipeline(IReadOnlyList<(Module Module, Facets Facets)> modules)
    {
        _app.UseMiddleware<ProblemBoundary>();
        _app.UseMiddleware<SecurityHeaders>();
        _app.UseResponseCompression();
        _app.UseRouting();
        _app.UseMiddleware<Admission>(Routes);

        var api = new ApiRoutes(_app, Routes);
        foreach (var (module, facets) in modules)
        {
            if (facets.HasFlag(Facets.Http)) module.Http(api);
        }
        Services.GetRequiredService<UserEventStream>().Map(api);
        Services.GetRequiredService<Health>().Map(api);
        api.RefuseOtherMethods();
        OpenApiRoutes.Map(_app, Routes);
        WebAppFiles.Map(_app, _options.WebRoot);
    }

    private static void Listen(KestrelServerOptions kestrel, AppOptions options, ConnectionLimit? perAddress)
    {
        kestrel.AddServerHeader = false;
        kestrel.Listen(IPAddress.Parse(options.Address), options.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            if (perAddress is not null) listen.Use(perAddress.Before);
        });
        var limits = kestrel.Limits;
        // Routes read only as much as each of them says. What is refused before its route is known is read away up to here, or its answer would be lost in a reset.
        limits.MaxRequestBodySize = 32 * 1024 * 1024;
        limits.MaxRequestHeadersTotalSize = 16 * 1024;
        limits.MaxRequestHeaderCount = 64;
        limits.MaxRequestLineSize = 8 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(75);
        limits.MaxConcurrentConnections = 15_000;
        limits.MaxConcurrentUpgradedConnections = 1_000;
    }
}
