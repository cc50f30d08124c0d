namespace SkyRiff.Videos.Generating;

/// <summary>What can happen to a generation.</summary>
internal abstract record GenerationEvent
{
    private GenerationEvent()
    {
    }

    /// <summary>The credits are held.</summary>
    public sealed record Held : GenerationEvent;

    /// <summary>There are not enough credits, or the hold has ended already.</summary>
    public sealed record HoldRefused : GenerationEvent;

    /// <summary>The create call is about to be made.</summary>
    public sealed record Submitting : GenerationEvent;

    /// <summary>The provider has the job, by its answer or by what a reconciliation found.</summary>
    public sealed record Submitted(string ProviderJob) : GenerationEvent;

    /// <summary>The reconciliation looked for the job and did not find it.</summary>
    public sealed record NotFoundAtProvider : GenerationEvent;

    /// <summary>The provider says that the clip is there.</summary>
    public sealed record Done : GenerationEvent;

    public sealed record Fetched : GenerationEvent;

    /// <summary>The file is a clip of a kind that we take.</summary>
    public sealed record Checked : GenerationEvent;

    /// <summary>Everything that players need is stored.</summary>
    public sealed record Packaged : GenerationEvent;

    public sealed record Captured : GenerationEvent;

    public sealed record Released : GenerationEvent;

    /// <summary>The present phase failed.</summary>
    public sealed record Failed(Failure Failure) : GenerationEvent;

    public sealed record CancelRequested : GenerationEvent;
}
