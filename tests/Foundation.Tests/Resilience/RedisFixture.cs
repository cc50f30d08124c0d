using SkyRiff.Redis;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience;

/// <summary>One private server for the tests of a class.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    public RedisServerProcess Server { get; private set; } = null!;

    public RedisClient Redis { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await RedisServerProcess.StartAsync();
        Redis = Connect();
    }

    /// <summary>Another client, as another process would have it.</summary>
    public RedisClient Connect() => RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(Server.SocketPath)] });

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        await Server.DisposeAsync();
    }
}
