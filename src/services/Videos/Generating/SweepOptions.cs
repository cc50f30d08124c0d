namespace SkyRiff.Videos.Generating;

/// <summary>How soon what a dead process left is found.</summary>
internal sealed class SweepOptions
{
    /// <summary>Between looks for generations that nobody goes on with, 100 ms to 10 min.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>An acceptance older than this is gone on with: its request has long been answered, or its process is gone. 1 s to 10 min.</summary>
    public TimeSpan AcceptanceMax { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>A generation that has had no job for this long gets one; a job's row is written with the generation's own, so this is no transaction in progress. 1 s to 1 h.</summary>
    public TimeSpan JobMissingAfter { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Between looks for files that belong to nothing, 1 s to 1 day; the first is at the start.</summary>
    public TimeSpan FilesInterval { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>A picture, or an upload in progress, that nothing names is left alone for this long: its request may still be on the way. 1 s to 7 days.</summary>
    public TimeSpan OrphanAge { get; set; } = TimeSpan.FromHours(2);

    public IEnumerable<string> Validate()
    {
        if (Interval < TimeSpan.FromMilliseconds(100) || Interval > TimeSpan.FromMinutes(10)) yield return $"Videos:Sweep:Interval is {Interval}; 100 ms to 10 min are possible.";
        if (AcceptanceMax < TimeSpan.FromSeconds(1) || AcceptanceMax > TimeSpan.FromMinutes(10)) yield return $"Videos:Sweep:AcceptanceMax is {AcceptanceMax}; 1 s to 10 min are possible.";
        if (JobMissingAfter < TimeSpan.FromSeconds(1) || JobMissingAfter > TimeSpan.FromHours(1)) yield return $"Videos:Sweep:JobMissingAfter is {JobMissingAfter}; 1 s to 1 h are possible.";
        if (FilesInterval < TimeSpan.FromSeconds(1) || FilesInterval > TimeSpan.FromDays(1)) yield return $"Videos:Sweep:FilesInterval is {FilesInterval}; 1 s to 1 day are possible.";
        if (OrphanAge < TimeSpan.FromSeconds(1) || OrphanAge > TimeSpan.FromDays(7)) yield return $"Videos:Sweep:OrphanAge is {OrphanAge}; 1 s to 7 days are possible.";
    }
}
