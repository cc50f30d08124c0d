using System.ComponentModel.DataAnnotations;

namespace SkyRiff.App.Engines;

/// <summary>The few things about the local engines that a user may want otherwise. What makes them durable is not among them.</summary>
internal sealed class LocalEnginesOptions
{
    /// <summary>
    /// Where the engines' files lie when their account cannot enter the data folder (only ever used when root runs the program). Absolute.
    /// </summary>
    [Required]
    public string OutsideFolder { get; set; } = "/var/lib/skyriff";

    /// <summary>PostgreSQL's own page cache. Small on purpose: the operating system caches the files as well, and a laptop has other work.</summary>
    [Range(16, 65_536)]
    public int PostgresBufferMegabytes { get; set; } = 128;

    /// <summary>The next connection beyond it is refused. Covers four shards with a pool of 40 each, and tools.</summary>
    [Range(20, 5_000)]
    public int PostgresConnectionsMax { get; set; } = 200;

    /// <summary>Beyond it Redis drops the least recently used keys that have a lifetime, and then refuses writes.</summary>
    [Range(16, 65_536)]
    public int RedisMegabytesMax { get; set; } = 256;
}
