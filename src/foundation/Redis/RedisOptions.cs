using System.Globalization;
using System.Net.Security;
using System.Numerics;

namespace SkyRiff.Redis;

/// <summary>How the servers belong together.</summary>
public enum RedisTopology
{
    /// <summary>One server.</summary>
    Standalone,

    /// <summary>A Redis cluster; <see cref="RedisOptions.Endpoints"/> are seeds.</summary>
    Cluster,
}

/// <summary>Which servers answer reads.</summary>
public enum RedisReadFrom
{
    /// <summary>The server that owns the key; what was written is read.</summary>
    Primary,

    /// <summary>Reads go to a replica of the key's shard when one is reachable; they may be stale. Cluster only.</summary>
    Replica,
}

/// <summary>How to reach Redis, and every bound. <see cref="Validate"/> tells all mistakes at once.</summary>
public sealed class RedisOptions
{
    /// <summary>The server, or seeds of the cluster. At least one.</summary>
    public IReadOnlyList<RedisEndpoint> Endpoints { get; init; } = [new RedisEndpoint("127.0.0.1", RedisEndpoint.DefaultPort)];

    /// <summary>What is at <see cref="Endpoints"/>.</summary>
    public RedisTopology Topology { get; init; }

    /// <summary>ACL user; null means the server's default user.</summary>
    public string? User { get; init; }

    /// <summary>Never appears in <see cref="ToString"/>, logs or exceptions.</summary>
    public string? Password { get; init; }

    /// <summary>0 to 65,535; must be 0 in a cluster.</summary>
    public int Database { get; init; }

    /// <summary>TLS is used when set; a missing target host is filled in with the endpoint's.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>Shown by CLIENT LIST; no spaces.</summary>
    public string ClientName { get; init; } = "skyriff";

    /// <summary>Speaks RESP2 even to servers that know RESP3; client tracking is off then. Without it RESP3 is tried and RESP2 is the fallback.</summary>
    public bool OnlyResp2 { get; init; }

    /// <summary>Shared connections per server, 1 to 16.</summary>
    public int ConnectionsPerNode { get; init; } = 2;

    /// <summary>Commands in flight per shared connection; a power of two, 16 to 65,536. Above it callers wait.</summary>
    public int InFlightMax { get; init; } = 4096;

    /// <summary>Commands per shared connection that may wait for room or for a connection; above it they are refused as <see cref="RedisErrorKind.Overloaded"/>.</summary>
    public int WaitingMax { get; init; } = 16 * 1024;

    /// <summary>Bytes written but not yet given to the operating system, per connection; above it callers wait. At least 64 KiB.</summary>
    public int UnsentBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>A longer reply breaks the connection as <see cref="RedisErrorKind.Protocol"/>. At least 64 KiB.</summary>
    public int ReplyBytesMax { get; init; } = 512 * 1024 * 1024;

    /// <summary>For a command from call to reply. The check runs every tenth of it, at least every 10 ms, at most every 250 ms.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For connecting with TLS and handshake.</summary>
    public TimeSpan ConnectTimeLimit { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>While a server is away for less than this, commands wait for it (within their time limit); later they are refused at once as <see cref="RedisErrorKind.NotSent"/>.</summary>
    public TimeSpan OutagePatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Reconnect delays are uniform in 0 .. min(<see cref="ReconnectDelayMax"/>, this * 2^attempt).</summary>
    public TimeSpan ReconnectDelayBase { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>See <see cref="ReconnectDelayBase"/>.</summary>
    public TimeSpan ReconnectDelayMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Subscription and tracking connections that were silent for this long are asked for a sign of life, and given up after as long again. Bounds how late a loss is noticed: twice this.</summary>
    public TimeSpan HeartbeatPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Connections per server for blocking commands, WATCH sessions and payloads of 256 KiB or more; above it callers wait.</summary>
    public int DedicatedConnectionsMax { get; init; } = 16;

    /// <summary>Runs continuations on the connection's reader alone. Saves a little CPU; a continuation that blocks stops its connection.</summary>
    public bool InlineContinuations { get; init; }

    /// <summary>The default for reads; see <see cref="RedisClient.WithReadsFrom"/>.</summary>
    public RedisReadFrom ReadFrom { get; init; }

    /// <summary>Every shared connection turns on CLIENT TRACKING OPTIN, so that reads by <see cref="RedisClient.GetTrackedAsync"/> are followed by invalidations.</summary>
    public bool TrackReads { get; init; }

    /// <summary>
    /// <c>redis://[user[:password]@]host[:port][,host[:port]...][/database]</c>, <c>rediss://</c> for TLS, <c>unix:///path</c>; <c>?cluster=true</c>
    /// for a cluster. User and password are percent-decoded.
    /// </summary>
    public static RedisOptions Parse(string text)
    {
        var (rest, query) = Cut(text, '?');
        if (rest.StartsWith("unix://", StringComparison.Ordinal))
            return new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(rest["unix://".Length..])] };

        var tls = rest.StartsWith("rediss://", StringComparison.Ordinal);
        if (!tls && !rest.StartsWith("redis://", StringComparison.Ordinal))
            throw new FormatException("A Redis address starts with redis://, rediss:// or unix://.");

        var (authority, database) = Cut(rest[(rest.IndexOf("//", StringComparison.Ordinal) + 2)..], '/');
        var at = authority.LastIndexOf('@');
        var (user, password) = at < 0 ? ("", "") : Cut(authority[..at], ':');
        var endpoints = authority[(at + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(ParseEndpoint).ToArray();
        if (endpoints.Length == 0)
            throw new FormatException("The Redis address names no host.");

        return new RedisOptions
        {
            Endpoints = endpoints,
            User = user.Length == 0 ? null : Uri.UnescapeDataString(user),
            Password = password.Length == 0 ? null : Uri.UnescapeDataString(password),
            Database = database.Length == 0 ? 0 : int.Parse(database, NumberStyles.None, CultureInfo.InvariantCulture),
            Tls = tls ? new SslClientAuthenticationOptions() : null,
            Topology = query.Split('&').Contains("cluster=true") ? RedisTopology.Cluster : RedisTopology.Standalone,
        };
    }

    /// <summary>Every mistake, in words; empty when the options can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var mistakes = new List<string>();
        Demand(Endpoints.Count > 0, $"{nameof(Endpoints)} is empty.");
        Demand(Endpoints.All(e => e.IsUnixSocket || e.Port is > 0 and <= 65535), $"{nameof(Endpoints)}: a port is out of range.");
        Demand(Database is >= 0 and <= 65535, $"{nameof(Database)} must be 0 to 65,535, not {Database}.");
        Demand(Topology == RedisTopology.Standalone || Database == 0, $"{nameof(Database)} must be 0 in a cluster.");
        Demand(Topology == RedisTopology.Cluster || Endpoints.Count == 1, $"{nameof(Endpoints)} must be one server unless {nameof(Topology)} is Cluster.");
        Demand(Topology == RedisTopology.Cluster || ReadFrom == RedisReadFrom.Primary, $"{nameof(ReadFrom)} replicas needs a cluster.");
        Demand(User is null || Password is not null, $"{nameof(User)} needs a {nameof(Password)}.");
        Demand(ClientName.Length > 0 && !ClientName.Any(c => c <= ' '), $"{nameof(ClientName)} must be without spaces.");
        Demand(ConnectionsPerNode is >= 1 and <= 16, $"{nameof(ConnectionsPerNode)} must be 1 to 16, not {ConnectionsPerNode}.");
        Demand(InFlightMax is >= 16 and <= 65536 && BitOperations.IsPow2(InFlightMax), $"{nameof(InFlightMax)} must be a power of two from 16 to 65,536, not {InFlightMax}.");
        Demand(WaitingMax >= 0, $"{nameof(WaitingMax)} must not be negative.");
        Demand(UnsentBytesMax >= 64 * 1024, $"{nameof(UnsentBytesMax)} must be at least 64 KiB.");
        Demand(ReplyBytesMax >= 64 * 1024, $"{nameof(ReplyBytesMax)} must be at least 64 KiB.");
        Demand(TimeLimit > TimeSpan.Zero && ConnectTimeLimit > TimeSpan.Zero && HeartbeatPeriod > TimeSpan.Zero, "Time limits must be positive.");
        Demand(OutagePatience >= TimeSpan.Zero && ReconnectDelayBase >= TimeSpan.Zero && ReconnectDelayMax >= ReconnectDelayBase, "Delays must not be negative, nor the largest below the base.");
        Demand(DedicatedConnectionsMax >= 1, $"{nameof(DedicatedConnectionsMax)} must be at least 1.");
        Demand(!TrackReads || !OnlyResp2, $"{nameof(TrackReads)} needs RESP3.");
        return mistakes;

        void Demand(bool holds, string otherwise)
        {
            if (!holds)
                mistakes.Add(otherwise);
        }
    }

    /// <summary>Where and who, without the password.</summary>
    public override string ToString() => $"{(Tls is null ? "redis" : "rediss")}://{(User is null && Password is null ? "" : $"{User}:***@")}{string.Join(',', Endpoints)}/{Database}";

    private static RedisEndpoint ParseEndpoint(string text)
    {
        // [::1]:6379, host:6379, host
        var bracket = text.IndexOf(']', StringComparison.Ordinal);
        var colon = text.IndexOf(':', Math.Max(bracket, 0));
        var host = (colon < 0 ? text : text[..colon]).Trim('[', ']');
        return new RedisEndpoint(host, colon < 0 ? RedisEndpoint.DefaultPort : int.Parse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture));
    }

    private static (string Before, string After) Cut(string text, char separator)
    {
        var at = text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
    }
}
