using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkyRiff.Caching;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.App.Hosting;

/// <summary>Section <c>Cache</c>: copies of what is read often, in memory and in the Redis of section <c>Redis</c>. Without Redis each process has its own, briefly.</summary>
internal sealed class ProcessCacheOptions
{
    private static readonly CacheOptions Defaults = new();

    /// <summary>Memory for copies in this process, estimated, 1 MiB to 1 TiB; above it the least useful go.</summary>
    public long LocalBytesMax { get; set; } = Defaults.LocalBytesMax;

    /// <summary>The beginning of the keys in Redis, 1 to 32 letters, digits, dashes; installations that share a Redis have different ones.</summary>
    public string Prefix { get; set; } = Defaults.Prefix;

    /// <summary>How long a copy in memory is believed while invalidations cannot be heard, 10 ms to 1 min.</summary>
    public TimeSpan DetachedLifetime { get; set; } = Defaults.DetachedLifetime;

    /// <summary>For one round trip to Redis, 5 ms to 10 s; what takes longer is answered by the database.</summary>
    public TimeSpan RedisTimeLimit { get; set; } = Defaults.RedisTimeLimit;

    public IEnumerable<string> Validate() => ToCache().Validate().Select(mistake => "Cache:" + mistake);

    public CacheOptions ToCache() => new() { LocalBytesMax = LocalBytesMax, Prefix = Prefix, DetachedLifetime = DetachedLifetime, RedisTimeLimit = RedisTimeLimit };
}

/// <summary>The one cache of the process.</summary>
internal static class ProcessCache
{
    public static void Add(IServiceCollection services, ProcessCacheOptions options) => services.AddSingleton(provider => new Cache(
        options.ToCache(), provider.GetRequiredService<RedisClient>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<Entropy>(), provider.GetRequiredService<ILogger<Cache>>()));
}
