using System.Globalization;

namespace SkyRiff.Redis;

/// <summary>Where a server listens: host and port, or the path of a Unix socket (then <see cref="Port"/> is 0).</summary>
public sealed record RedisEndpoint(string Host, int Port)
{
    /// <summary>The port of Redis when none is said.</summary>
    public const int DefaultPort = 6379;

    /// <summary>Whether <see cref="Host"/> is a path.</summary>
    public bool IsUnixSocket => Port == 0;

    /// <summary>The endpoint of a Unix socket.</summary>
    public static RedisEndpoint UnixSocket(string path) => new(path, 0);

    /// <summary>As people write it.</summary>
    public override string ToString() => IsUnixSocket ? "unix:" + Host : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
