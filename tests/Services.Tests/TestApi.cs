using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SkyRiff.Caching;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Redis;

namespace SkyRiff.Services.Tests;

/// <summary>One module as the program would run it, with real HTTP on a port of its own. A caller's access token is simply its user id.</summary>
internal sealed class TestApi : IAsyncDisposable
{
    private static readonly ConditionalWeakTable<ShardMap, string> Installations = [];
    private static int _installations;

    private readonly WebApplication _app;
    private bool _disposed;

    private TestApi(WebApplication app)
    {
        _app = app;
        Client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    /// <param name="add">What the module expects of other services; where the module has one of its own, such as the caller's verifier, that one counts.</param>
    /// <param name="background">Whether loops and consumers run, or only HTTP: a process without them is one that died right after its answer.</param>
    public static async Task<TestApi> StartAsync(ShardMap map, Module module, IEnumerable<KeyValuePair<string, string?>> settings, bool background = true, TimeProvider? time = null, Action<IServiceCollection>? add = null)
    {
        var redis = await SharedRedis.GetAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        // Instances on one map are processes of one installation: they share what they keep in Redis.
        var installation = Installations.GetValue(map, _ => $"t{Interlocked.Increment(ref _installations)}");
        builder.Configuration.AddInMemoryCollection([KeyValuePair.Create<string, string?>("Videos:Feed:BoardKey", $"latest:{installation}"), .. settings]);

        var services = builder.Services;
        services.AddSingleton(map).AddSingleton(time ?? TimeProvider.System).AddSingleton(Entropy.System).AddSingleton<UserEventHub>();
        services.AddSingleton(new CursorSeal([.. Enumerable.Repeat((byte)7, 32)])).AddSingleton<ICallerVerifier, IdIsToken>();
        services.AddSingleton<Wakeups>().AddSingleton<IEventPublisher, InProcessBus>();
        services.AddSingleton(_ => RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(redis.SocketPath)], OutagePatience = TimeSpan.FromMilliseconds(100) }));
        services.AddSingleton(provider => new Cache(new CacheOptions { Prefix = installation }, provider.GetRequiredService<RedisClient>(), provider.GetRequiredService<TimeProvider>(), Entropy.System, provider.GetRequiredService<ILogger<Cache>>()));
        add?.Invoke(services);
        module.Register(services, builder.Configuration);
        if (background)
        {
            services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<Wakeups>());
            module.Loops(services);
            module.Consumers(services);
        }

        var app = builder.Build();
        app.UseMiddleware<ProblemBoundary>();
        module.Http(new ApiRoutes(app, []));
        foreach (var readiness in app.Services.GetServices<IReadiness>()) await readiness.PrepareAsync(CancellationToken.None);
        await app.StartAsync(CancellationToken.None);
        return new TestApi(app);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        Client.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    private sealed class IdIsToken : ICallerVerifier
    {
        public ValueTask<Outcome<Caller>> VerifyAsync(string accessToken, CancellationToken cancellationToken) => ValueTask.FromResult(
            Id.TryParse(accessToken, out var user) ? Outcome<Caller>.Of(new Caller(user, 1, [])) : HttpProblems.Unauthenticated.Because("Not a token of these tests."));
    }
}
