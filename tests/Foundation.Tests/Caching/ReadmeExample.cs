using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Caching;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>A table, as far as the example needs one.</summary>
internal sealed class ProfileTable
{
    private readonly ConcurrentDictionary<long, Profile> _rows = new() { [1] = new Profile("ann", 3), [2] = new Profile("bob", 1) };

    public Task<IReadOnlyDictionary<long, Profile>> ReadAsync(IReadOnlyList<long> ids, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyDictionary<long, Profile>>(ids.Where(_rows.ContainsKey).ToDictionary(id => id, id => _rows[id]));

    public Task<Profile?> RenameAsync(long id, string name, CancellationToken cancellation) => Task.FromResult<Profile?>(_rows[id] = _rows[id] with { Name = name });
}

// example begins
internal sealed record Profile(string Name, int Works);

[JsonSerializable(typeof(Profile))]
internal sealed partial class ProfileJson : JsonSerializerContext;

internal static class ReadmeExample
{
    public static async Task<string> RunAsync(RedisClient redis, ProfileTable table, CancellationToken cancellation)
    {
        // One cache per process; without a RedisClient (null) it is memory and source.
        await using var cache = new Cache(new CacheOptions { LocalBytesMax = 64 << 20 }, redis, TimeProvider.System, Entropy.System, NullLogger<Cache>.Instance);

        // A family is what a service keeps: where values come from, how long they are good, what belongs together.
        var profiles = cache.Family(new CacheFamilyOptions<long, Profile>
        {
            Name = "profile",
            Load = table.ReadAsync, // many keys, one call; what is missing in the answer does not exist
            Payload = new JsonPayload<Profile>(ProfileJson.Default.Profile, version: 1),
            Lifetime = TimeSpan.FromMinutes(10),
            NegativeLifetime = TimeSpan.FromSeconds(20),
            Tags = (_, profile) => profile is null ? [] : [$"name-{profile.Name}"],
        });

        await profiles.WarmAsync([1, 2], loadsAtOnce: 4, cancellation);
        var ann = await profiles.GetAsync(1, cancellation);
        var three = await profiles.GetManyAsync([1, 2, 99], cancellation);

        // Change the source inside a write, and every process sees the new value...
        await profiles.WriteAsync(1, token => table.RenameAsync(1, "anna", token), cancellation);
        var anna = await profiles.GetAsync(1, cancellation);

        // ...or change it elsewhere, and say what is not true any more: a key, a tag, a family.
        await table.RenameAsync(2, "rob", cancellation);
        await profiles.RemoveAsync(2, cancellation);
        await cache.InvalidateTagAsync("name-bob", cancellation);
        var rob = await profiles.GetAsync(2, cancellation);

        return $"{ann?.Name}, {three.Count(profile => profile is null)} absent, {anna?.Name}, {rob?.Name}";
    }
}
// example ends
