namespace SkyRiff.Videos.Feed;

/// <summary>Section <c>Videos:Feed</c>: the board of the newest works that Redis keeps.</summary>
internal sealed class FeedOptions
{
    /// <summary>Its key in Redis, 1 to 100 characters without braces; installations that share a Redis have different ones.</summary>
    public string BoardKey { get; set; } = "videos:latest";

    /// <summary>Works on it, 100 to 1,000,000, the newest; some 100 bytes each. Who scrolls further is answered by all shards.</summary>
    public int BoardMax { get; set; } = 10_000;

    /// <summary>How often it is looked at: a board that is missing, or whose Redis may have lost changes, is built anew. 100 ms to 1 min.</summary>
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>It is built anew after so long in any case, 1 min to 1 day.</summary>
    public TimeSpan RebuildInterval { get; set; } = TimeSpan.FromMinutes(10);

    public IEnumerable<string> Validate()
    {
        if (BoardKey.Length is 0 or > 100 || BoardKey.AsSpan().IndexOfAny('{', '}') >= 0) yield return $"Videos:Feed:BoardKey is {BoardKey}; 1 to 100 characters without braces are possible.";
        if (BoardMax is < 100 or > 1_000_000) yield return $"Videos:Feed:BoardMax is {BoardMax}; 100 to 1000000 are possible.";
        if (CheckInterval < TimeSpan.FromMilliseconds(100) || CheckInterval > TimeSpan.FromMinutes(1)) yield return $"Videos:Feed:CheckInterval is {CheckInterval}; 100 ms to 1 min are possible.";
        if (RebuildInterval < TimeSpan.FromMinutes(1) || RebuildInterval > TimeSpan.FromDays(1)) yield return $"Videos:Feed:RebuildInterval is {RebuildInterval}; 1 min to 1 day are possible.";
    }
}
