using System.Globalization;

namespace SkyRiff.Redis;

/// <summary>Where a server listens: host and port, or the path of a Unix socket (then <see cref="Port"/> is 0).</summary>
public sealed record RedisEndpoint(string Host, int Port)
{
    public const int DefaultPort = 6379;

    public bool IsUnixSocket => Port == 0;

    public static RedisEndpoint UnixSocket(string path) => new(path, 0);

    public override string ToString() => IsUnixSocket ? "unix:" + Host : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
