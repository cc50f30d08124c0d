using SkyRiff.Redis;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>One private server for the test classes that only need keys of their own.</summary>
public sealed class RedisServerFixture : IAsyncLifetime
{
    private int _prefixes;

    public RedisServerProcess Server { get; private set; } = null!;

    public RedisClient Redis { get; private set; } = null!;

    public RedisOptions Options => new() { Endpoints = [new RedisEndpoint("127.0.0.1", Server.Port)] };

    public async ValueTask InitializeAsync()
    {
        Server = await RedisServerProcess.StartAsync();
        Redis = await RedisClient.ConnectAsync(Options, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>A key that no other test uses.</summary>
    public string Key(string name = "k") => $"t{Interlocked.Increment(ref _prefixes)}:{name}";
}

[CollectionDefinition(nameof(RedisServerFixture))]
public sealed class RedisServerCases : ICollectionFixture<RedisServerFixture>;
