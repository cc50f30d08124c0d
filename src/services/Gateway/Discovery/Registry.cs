using System.Globalization;
using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Redis;

namespace SkyRiff.Gateway.Discovery;

/// <summary>
/// A registry in Redis: a sorted set of "address weight" by the moment the instance's lease ends, by the server's clock. Who does not renew is gone by itself, and
/// the set disappears with the last lease.
/// </summary>
internal sealed class Registry(RedisClient redis, string name)
{
    private const string Now = """
        local t = redis.call('TIME')
        local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)

        """;

    private static readonly RedisScript Renewing = new(Now + """
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
        redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[2])
        local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
        redis.call('PEXPIRE', KEYS[1], math.max(1, tonumber(last[2]) - now))
        return redis.call('ZCARD', KEYS[1])
        """);

    private static readonly RedisScript Reading = new(Now + """
        return redis.call('ZRANGE', KEYS[1], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[1]))
        """);

    private readonly string _key = "gateway:registry:" + name;

    /// <summary>A name that can be part of a key.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= 100 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    /// <summary>Takes or extends the lease of an instance; answers how many instances there are.</summary>
    public ValueTask<long> RenewAsync(string address, int weight, TimeSpan lease, CancellationToken cancellationToken) =>
        redis.EvaluateIntegerAsync(Renewing, [_key], [(long)lease.TotalMilliseconds, Member(address, weight)], cancellationToken);

    /// <summary>Gives the lease up, so that nobody is sent there any more.</summary>
    public async Task LeaveAsync(string address, int weight, CancellationToken cancellationToken)
    {
        using var reply = await redis.CallAsync(["ZREM", _key, Member(address, weight)], cancellationToken);
    }

    /// <summary>Who has a lease now, in order of address; what cannot be read as an address is left out.</summary>
    public async Task<IReadOnlyList<EndpointConfig>> ReadAsync(CancellationToken cancellationToken)
    {
        using var reply = await redis.EvaluateAsync(Reading, [_key], [DiscoveryConfig.EndpointsMax], cancellationToken);
        var members = new List<string>();
        foreach (var member in reply.Root) members.Add(Encoding.UTF8.GetString(member.Bytes));
        return Parse(members);
    }

    /// <summary><paramref name="members"/> in the order in which their leases end: of two entries for an address, the later one counts.</summary>
    internal static IReadOnlyList<EndpointConfig> Parse(IReadOnlyList<string> members)
    {
        var found = new SortedDictionary<string, EndpointConfig>(StringComparer.Ordinal);
        foreach (var member in members)
        {
            var blank = member.LastIndexOf(' ');
            if (blank <= 0 || !int.TryParse(member.AsSpan(blank + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var weight) || weight is < 1 or > 1000) continue;
            var text = member[..blank];
            if (DiscoveryParser.ParseAddress(text) is { } address) found[text] = new(text, address, weight);
        }
        return [.. found.Values];
    }

    private static string Member(string address, int weight) => string.Create(CultureInfo.InvariantCulture, $"{address} {weight}");
}

/// <summary>A cluster's endpoints are the instances of a registry.</summary>
internal sealed class RegistrySource(DiscoveryConfig config, Registry registry) : IEndpointSource
{
    public async Task<FoundEndpoints> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            return new(await registry.ReadAsync(cancellationToken), config.Interval);
        }
        catch (RedisException away)
        {
            throw new DiscoveryException($"registry {config.Name}: {away.Message}");
        }
    }
}
