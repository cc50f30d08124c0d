using SkyRiff.Data;
using SkyRiff.Videos.Generating;

namespace SkyRiff.Videos;

/// <summary>Section <c>Videos</c>.</summary>
internal sealed class VideosOptions
{
    /// <summary>Where finished clips are kept. Absolute.</summary>
    public string ObjectsFolder { get; set; } = "";

    /// <summary>Where clips are being worked on; on the file system of <see cref="ObjectsFolder"/>, so that storing is a rename. Absolute.</summary>
    public string ScratchFolder { get; set; } = "";

    /// <summary>The model of a request that names none; empty: the first that is offered.</summary>
    public string DefaultModel { get; set; } = "";

    public StudioOptions Studio { get; set; } = new();

    /// <summary>Providers that speak the OpenAI-compatible <c>/v1/videos</c> dialect, by name.</summary>
    public Dictionary<string, Providers.OpenAiVideos.OpenAiVideosOptions> OpenAiVideos { get; set; } = [];

    /// <summary>Clips that are checked or packaged at a time per process, 0 to 256; 0: one per core. However many jobs wait for their providers, this many use the processor.</summary>
    public int PackagingsAtOnce { get; set; }

    /// <summary>The queue; <c>AttemptsMax</c> counts crashes of workers, not failures of providers.</summary>
    public JobQueueOptions Jobs { get; set; } = new() { AttemptsMax = 20, LeaseDuration = TimeSpan.FromSeconds(15), OwnerLeasesMax = 0 };

    /// <summary>The deadlines and retries of the state machine.</summary>
    public GenerationRules Rules { get; set; } = new();

    /// <summary>The search for what dead processes left.</summary>
    public SweepOptions Sweep { get; set; } = new();

    /// <summary>The board of the newest works.</summary>
    public Feed.FeedOptions Feed { get; set; } = new();

    public IEnumerable<string> Validate()
    {
        if (!Path.IsPathFullyQualified(ObjectsFolder)) yield return "Videos:ObjectsFolder must be an absolute path.";
        if (!Path.IsPathFullyQualified(ScratchFolder)) yield return "Videos:ScratchFolder must be an absolute path.";
        if (Studio.ConcurrencyMax is < 0 or > 256) yield return $"Videos:Studio:ConcurrencyMax is {Studio.ConcurrencyMax}; 0 to 256 are possible.";
        if (Studio.CreditsPerSecond is < 1 or > 100_000) yield return $"Videos:Studio:CreditsPerSecond is {Studio.CreditsPerSecond}; 1 to 100000 are possible.";
        if (PackagingsAtOnce is < 0 or > 256) yield return $"Videos:PackagingsAtOnce is {PackagingsAtOnce}; 0 to 256 are possible.";
        if (!Studio.Enabled && OpenAiVideos.Count == 0) yield return "Videos has no provider: enable Videos:Studio or configure one under Videos:OpenAiVideos.";
        foreach (var mistake in OpenAiVideos.SelectMany(provider => provider.Value.Validate(provider.Key))) yield return mistake;
        foreach (var mistake in Jobs.Validate()) yield return "Videos:" + mistake;
        foreach (var mistake in Sweep.Validate()) yield return mistake;
        foreach (var mistake in Feed.Validate()) yield return mistake;
        if (Rules.BadOutputsMax is < 0 or > 5) yield return $"Videos:Rules:BadOutputsMax is {Rules.BadOutputsMax}; 0 to 5 are possible.";
        if (Rules.TransientsMax is < 0 or > 50) yield return $"Videos:Rules:TransientsMax is {Rules.TransientsMax}; 0 to 50 are possible.";
    }
}

/// <summary>The built-in renderer.</summary>
internal sealed class StudioOptions
{
    public bool Enabled { get; set; } = true;

    public int CreditsPerSecond { get; set; } = 1;

    /// <summary>Clips at a time, 0 to 256; 0: half the cores, at least one.</summary>
    public int ConcurrencyMax { get; set; }
}
