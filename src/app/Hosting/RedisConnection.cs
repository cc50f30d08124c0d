using System.Globalization;
using System.Net.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.App.Hosting;

/// <summary>Section <c>Redis</c>: the shared memory of all processes. The product works without it, slower and with limits per process.</summary>
internal sealed class RedisConnectionOptions
{
    /// <summary><c>unix:/path/to.sock</c>, <c>host:port</c>, or seeds of a cluster divided by commas. The private Redis unless databases are configured.</summary>
    public string Address { get; set; } = "127.0.0.1:6379";

    /// <summary>Whether <see cref="Address"/> is that of a Redis cluster.</summary>
    public bool Cluster { get; set; }

    /// <summary>ACL user; empty: the server's default one.</summary>
    public string User { get; set; } = "";

    /// <summary>Empty: none is sent.</summary>
    public string Password { get; set; } = "";

    /// <summary>TLS to a server whose certificate is trusted on this machine; not for Unix sockets.</summary>
    public bool Tls { get; set; }

    /// <summary>0 to 65,535; 0 in a cluster.</summary>
    public int Database { get; set; }

    /// <summary>For one command, 10 ms to 30 s; who waits longer does without Redis.</summary>
    public TimeSpan TimeLimit { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Shared connections per server and process, 1 to 16.</summary>
    public int Connections { get; set; } = 2;

    public IEnumerable<string> Validate()
    {
        var endpoints = Endpoints();
        if (endpoints is null) yield return $"Redis:Address is {Address}; unix:/path, host:port, or several host:port divided by commas are possible.";
        if (TimeLimit < TimeSpan.FromMilliseconds(10) || TimeLimit > TimeSpan.FromSeconds(30)) yield return $"Redis:TimeLimit is {TimeLimit}; 10 ms to 30 s are possible.";
        if (Connections is < 1 or > 16) yield return $"Redis:Connections is {Connections}; 1 to 16 are possible.";
        if (Database is < 0 or > 65_535 || (Cluster && Database != 0)) yield return $"Redis:Database is {Database}; 0 to 65535 are possible, 0 in a cluster.";
        if (User.Length > 0 && Password.Length == 0) yield return "Redis:User needs a Redis:Password.";
        if (endpoints is { Count: > 1 } && !Cluster) yield return "Redis:Address names several servers; that needs Redis:Cluster.";
        if (Tls && endpoints is [{ IsUnixSocket: true }]) yield return "Redis:Tls is not for Unix sockets.";
    }

    public RedisOptions ToClient() => new()
    {
        Endpoints = Endpoints()!,
        Topology = Cluster ? RedisTopology.Cluster : RedisTopology.Standalone,
        User = User.Length > 0 ? User : null,
        Password = Password.Length > 0 ? Password : null,
        Tls = Tls ? new SslClientAuthenticationOptions() : null,
        Database = Database,
        TimeLimit = TimeLimit,
        ConnectionsPerNode = Connections,
        // Everybody has something to do without Redis, so nobody waits for it to come back.
        OutagePatience = TimeSpan.FromMilliseconds(100),
        ReconnectDelayMax = TimeSpan.FromSeconds(1),
    };

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{Address}{(User.Length > 0 ? $" as {User}" : "")}{(Tls ? " over TLS" : "")}";

    private List<RedisEndpoint>? Endpoints()
    {
        const string Unix = "unix:";
        if (Address.StartsWith(Unix, StringComparison.Ordinal)) return Path.IsPathFullyQualified(Address[Unix.Length..]) ? [RedisEndpoint.UnixSocket(Address[Unix.Length..])] : null;
        var endpoints = new List<RedisEndpoint>();
        foreach (var text in Address.Split(',', StringSplitOptions.TrimEntries))
        {
            var colon = text.LastIndexOf(':');
            if (colon < 1 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535) return null;
            endpoints.Add(new RedisEndpoint(text[..colon].Trim('[', ']'), port));
        }
        return endpoints;
    }
}

/// <summary>The one client of the process. It comes back by itself; a start waits a moment for it and does not need it.</summary>
internal static class RedisConnection
{
    /// <summary>How often, and each time how long, a start asks: an absent Redis delays it by a second, a silent one by two.</summary>
    private const int GreetingsMax = 10;

    private static readonly TimeSpan GreetingDurationMax = TimeSpan.FromMilliseconds(200);

    /// <summary>Connects before the first call comes: the first calls of a process would otherwise find no connection yet and be limited by the process alone.</summary>
    public static async Task GreetAsync(RedisClient redis, CancellationToken cancellationToken)
    {
        for (var greeting = 0; greeting < GreetingsMax; greeting++)
        {
            try
            {
                await redis.WithTimeLimit(GreetingDurationMax).PingAsync(cancellationToken);
                return;
            }
            catch (RedisException)
            {
                // Not there yet, or away: the client has logged it, and goes on trying by itself.
            }
        }
    }

    public static void Add(IServiceCollection services, RedisConnectionOptions options) => services.AddSingleton(provider => RedisClient.Create(
        options.ToClient(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<Entropy>(), provider.GetRequiredService<ILoggerFactory>().CreateLogger("redis")));
}
