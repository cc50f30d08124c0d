using SkyRiff.Testing.Redis;

namespace SkyRiff.Services.Tests;

/// <summary>One private Redis for all tests of this assembly, started when the first one needs it.</summary>
public sealed class SharedRedis : IAsyncDisposable
{
    private static readonly Lazy<Task<RedisServerProcess>> Server = new(() => RedisServerProcess.StartAsync());

    public static Task<RedisServerProcess> GetAsync() => Server.Value;

    public async ValueTask DisposeAsync()
    {
        if (Server.IsValueCreated) await (await Server.Value).DisposeAsync();
    }
}
