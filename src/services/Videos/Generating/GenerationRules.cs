namespace SkyRiff.Videos.Generating;

/// <summary>The limits that the state machine decides by.</summary>
internal sealed record GenerationRules
{
    /// <summary>A generation that no worker took up for this long is given up.</summary>
    public TimeSpan QueuedMax { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long after a create call without an answer the provider is still searched for the job.</summary>
    public TimeSpan SubmittingMax { get; init; } = TimeSpan.FromMinutes(2);

    public TimeSpan RunningMax { get; init; } = TimeSpan.FromMinutes(45);

    public TimeSpan FetchingMax { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>For checking and packaging together.</summary>
    public TimeSpan PackagingMax { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>Retries after bad output.</summary>
    public int BadOutputsMax { get; init; } = 1;

    /// <summary>Retries after transient failures, in all phases together.</summary>
    public int TransientsMax { get; init; } = 5;

    public TimeSpan TransientDelayBase { get; init; } = TimeSpan.FromSeconds(2);

    public TimeSpan TransientDelayMax { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Waited when the provider says "too many" without saying how long.</summary>
    public TimeSpan ThrottledDelay { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Waited when our account with the provider is the matter.</summary>
    public TimeSpan AccountDelay { get; init; } = TimeSpan.FromMinutes(5);
}
