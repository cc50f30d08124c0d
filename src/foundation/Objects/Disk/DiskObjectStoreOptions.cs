namespace SkyRiff.Objects.Disk;

/// <summary>Where and how the disk store keeps its objects.</summary>
public sealed class DiskObjectStoreOptions
{
    /// <summary>The folder that holds everything; made when missing. Nothing else may write in it.</summary>
    public required string Root { get; init; }

    /// <summary>
    /// Bytes that must stay free on the file system; a put that finds less is refused as <see cref="ObjectStoreFault.NoSpace"/>, so that the
    /// database beside us never meets a full disk because of a video. Default 256 MiB, 0 or more.
    /// </summary>
    public long FreeBytesMin { get; init; } = 256L << 20;
}
