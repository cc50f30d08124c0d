using System.Net;

namespace SkyRiff.Gateway.Lean;

/// <summary>What the lean front may use, and how patient it is with clients.</summary>
internal sealed record LeanOptions
{
    public required IPEndPoint Listen { get; init; }

    /// <summary>Every connection begins with a PROXY protocol version 2 header, and is closed when it does not.</summary>
    public bool ProxyProtocol { get; init; }

    /// <summary>Event loops, each a thread; 0: one per core that the process may use.</summary>
    public int Loops { get; init; }

    /// <summary>Client connections per loop; further ones wait in the kernel's queue until one closes.</summary>
    public int ConnectionsPerLoopMax { get; init; } = 16_000;

    /// <summary>Connections that the kernel holds until they are accepted.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>Between requests on a connection.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>From accepting, or the first byte of a request, to the end of its head; then 408.</summary>
    public TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>In every such window a body must grow, and a reader must take, at least <see cref="WindowBytesMin"/>.</summary>
    public TimeSpan ProgressWindow { get; init; } = TimeSpan.FromSeconds(5);

    public int WindowBytesMin { get; init; } = 1200;

    /// <summary>
    /// Per client, what the kernel holds beyond what is on its way: the rest of an answer stays with its upstream until the client reads. A few thousand clients that read nothing
    /// would else fill the memory that all TCP of the machine shares, and make every other connection slow.
    /// </summary>
    public const int UnsentBytesMax = 64 * 1024;

    /// <summary>How long, and how much, we read on after a refusal, so that the client sees it instead of a reset.</summary>
    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(1);

    public int LingerBytesMax { get; init; } = 256 * 1024;

    /// <summary>While stopping: how long an idle connection may still bring a request, which is then answered with <c>close</c>.</summary>
    public TimeSpan DrainIdleTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>While stopping: how long requests in flight may take; then they are cut.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
