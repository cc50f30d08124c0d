using System.Net;

namespace SkyRiff.Gateway.Decisions;

/// <summary>One address that requests are forwarded to. Its identity outlives a reload as long as cluster and address stay.</summary>
internal sealed class Endpoint(int index, string name, EndPoint address)
{
    /// <summary>Dense and process-wide: fronts keep their pools in an array by it.</summary>
    public int Index { get; } = index;

    public string Name { get; } = name;

    public EndPoint Address { get; } = address;
}

/// <summary>Endpoints that answer the same.</summary>
internal sealed class Cluster(string name, Endpoint[] endpoints)
{
    private uint _next;

    public string Name { get; } = name;

    public Endpoint[] Endpoints { get; } = endpoints;

    /// <summary>How long a connection may take to be established.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an unused connection is kept; shorter than the upstream's own limit, so that the upstream is not the one who closes.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>Unused connections kept per loop and endpoint; what comes back beyond is closed.</summary>
    public int IdleConnectionsMax { get; init; } = 256;

    public Endpoint Pick() => Endpoints[(int)(Interlocked.Increment(ref _next) % (uint)Endpoints.Length)];
}

/// <summary>What is asked for, and where it goes.</summary>
internal sealed class Route(string name, Cluster cluster)
{
    public string Name { get; } = name;

    public Cluster Cluster { get; } = cluster;

    public byte[] PathPrefix { get; init; } = "/"u8.ToArray();

    /// <summary>Larger bodies get 413.</summary>
    public long BodyBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>From the end of the request head to the head of the response; then 504.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause inside a response body or a tunnel.</summary>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);
}
