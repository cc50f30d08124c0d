namespace SkyRiff.Contracts;

/// <summary>Builds the feeds' boards in Redis anew from the shards; what <c>skyriff feeds rebuild</c> runs. Feeds are read meanwhile.</summary>
public interface IFeedRebuild
{
    /// <summary>How many works were read; null when another process is building.</summary>
    Task<long?> RebuildAsync(CancellationToken cancellationToken);
}
