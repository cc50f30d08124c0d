namespace SkyRiff.Videos.Generating;

/// <summary>Where a generation stands. Stored by name.</summary>
internal enum Phase
{
    Holding,
    Queued,
    Submitting,
    Running,
    Fetching,
    Checking,
    Packaging,
    Capturing,
    Ready,
    Releasing,
    Failed,
    Cancelled,
}

/// <summary>
/// The state machine of one generation. Pure: an event and the time in, the next state out, or null where the event says nothing to the present
/// state (it came late, or twice), and then nothing changes.
/// <code>
///  Holding --held--> Queued --submitting--> Submitting --submitted--> Running --done--> Fetching --fetched--> Checking
///                      ^                        |  \                     |                 |                    |
///                      |   throttled, account,  |   not found: Lost      | failed          | failed             | bad output
///                      +--- transient, bad -----+------------------------+-----------------+--------------------+
///                           output (bounded)                                                                    | checked
///                                                                                                               v
///        Failed | Cancelled &lt;--released-- Releasing &lt;--(final failure, cancel, deadline: before Capturing)-- Packaging
///                                                                                                               | packaged
///                                                                       Ready &lt;--captured-- Capturing &lt;----------+
/// </code>
/// From Capturing on the clip is there and paid for: neither a cancellation nor a deadline reaches it. Releasing and Capturing are the two ways to
/// settle, each is entered by one committed decision, and no path leads from one to the other: exactly one capture or one release.
/// </summary>
internal sealed record GenerationJob
{
    /// <summary>The least that a job is left alone for when it is put off.</summary>
    private static readonly TimeSpan PutOffMin = TimeSpan.FromSeconds(1);

    public required Phase Phase { get; init; }

    /// <summary>When the present phase is given up; null for phases that end by themselves.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>Why it was given up, from Releasing on. None in a cancelled one.</summary>
    public Failure? Failure { get; init; }

    /// <summary>The provider's name for the job in progress.</summary>
    public string? ProviderJob { get; init; }

    /// <summary>Create calls so far; the n-th carries the key <c>id-n</c>.</summary>
    public int Submissions { get; init; }

    public int BadOutputs { get; init; }

    public int Transients { get; init; }

    /// <summary>How long to leave it alone after this transition.</summary>
    public TimeSpan Wait { get; init; }

    public bool IsOver => Phase is Phase.Ready or Phase.Failed or Phase.Cancelled;

    /// <summary>Its hold was refused and it is about to vanish. Marked by a deadline: a helper that would hold later, when credits came in, must not queue it.</summary>
    public bool IsWithdrawn => Phase is Phase.Holding && Deadline is not null;

    /// <summary>True while it may still be cancelled or given up.</summary>
    public bool IsOpen => Phase is Phase.Queued or Phase.Submitting or Phase.Running or Phase.Fetching or Phase.Checking or Phase.Packaging;

    public GenerationJob? After(GenerationEvent what, DateTimeOffset now, GenerationRules rules) => (Phase, what) switch
    {
        (Phase.Holding, GenerationEvent.Held) when !IsWithdrawn => To(Phase.Queued, now + rules.QueuedMax),
        (Phase.Holding, GenerationEvent.HoldRefused) when !IsWithdrawn => this with { Deadline = now },
        (Phase.Queued, GenerationEvent.Submitting) => To(Phase.Submitting, now + rules.SubmittingMax) with { Submissions = Submissions + 1, ProviderJob = null },
        (Phase.Submitting, GenerationEvent.Submitted submitted) => To(Phase.Running, now + rules.RunningMax) with { ProviderJob = submitted.ProviderJob },
        (Phase.Submitting, GenerationEvent.NotFoundAtProvider) => GiveUp(new Failure(FailureClass.Lost, "The provider never confirmed that it took the job.")),
        (Phase.Running, GenerationEvent.Done) => To(Phase.Fetching, now + rules.FetchingMax),
        (Phase.Fetching, GenerationEvent.Fetched) => To(Phase.Checking, now + rules.PackagingMax),
        (Phase.Checking, GenerationEvent.Checked) => To(Phase.Packaging, now + rules.PackagingMax),
        (Phase.Packaging, GenerationEvent.Packaged) => To(Phase.Capturing, null),
        (Phase.Capturing, GenerationEvent.Captured) => To(Phase.Ready, null),
        (Phase.Releasing, GenerationEvent.Released) => To(Failure is null ? Phase.Cancelled : Phase.Failed, null),
        (_, GenerationEvent.CancelRequested) when IsOpen => To(Phase.Releasing, null) with { Failure = null },
        (_, GenerationEvent.Failed failed) when IsOpen => AfterFailure(failed.Failure, now, rules),
        _ => null,
    };

    /// <summary>The deadline passed: the same as any failure for good, for the phases that it may reach.</summary>
    public GenerationJob? AfterDeadline(DateTimeOffset now) => IsOpen && Deadline <= now
        ? GiveUp(Phase is Phase.Submitting ? new Failure(FailureClass.Lost, "The provider never confirmed that it took the job.") : new Failure(FailureClass.Expired, $"It took too long ({Phase.ToString().ToLowerInvariant()})."))
        : null;

    /// <summary>The fixed rule of each failure class.</summary>
    private GenerationJob AfterFailure(Failure failure, DateTimeOffset now, GenerationRules rules) => failure.Class switch
    {
        FailureClass.BadOutput when BadOutputs < rules.BadOutputsMax => Again(now, rules, TimeSpan.Zero) with { BadOutputs = BadOutputs + 1 },
        FailureClass.Throttled => Later(failure.RetryAfter ?? rules.ThrottledDelay),
        FailureClass.ProviderAccount => Later(failure.RetryAfter ?? rules.AccountDelay),
        FailureClass.Transient when Transients < rules.TransientsMax => AfterTransient(failure, now, rules),
        _ => GiveUp(failure),
    };

    /// <summary>
    /// What the provider still has is fetched or packaged again; a job that the provider itself failed is submitted anew.
    /// Waits grow from base to max; the worker adds the jitter.
    /// </summary>
    private GenerationJob AfterTransient(Failure failure, DateTimeOffset now, GenerationRules rules)
    {
        var backoff = TimeSpan.FromTicks((long)Math.Min(rules.TransientDelayMax.Ticks, rules.TransientDelayBase.Ticks * Math.Pow(2, Transients)));
        var wait = failure.RetryAfter is { } asked && asked > backoff ? asked : backoff;
        var next = Phase is Phase.Fetching or Phase.Checking or Phase.Packaging
            ? To(Phase.Fetching, Phase is Phase.Fetching ? Deadline : now + rules.FetchingMax)
            : Again(now, rules, wait);
        return next with { Transients = Transients + 1, Wait = wait };
    }

    /// <summary>Back to the queue, with a day to be taken up again.</summary>
    private GenerationJob Again(DateTimeOffset now, GenerationRules rules, TimeSpan wait) => To(Phase.Queued, now + wait + rules.QueuedMax) with { Wait = wait, ProviderJob = null };

    /// <summary>
    /// Back to the queue without the submission being counted; the deadline stays, so that this ends. "At once" is no wait: the call would be made in a circle.
    /// </summary>
    private GenerationJob Later(TimeSpan wait) => this with
    {
        Phase = Phase.Queued,
        Wait = wait > PutOffMin ? wait : PutOffMin,
        Submissions = Phase is Phase.Submitting ? Submissions - 1 : Submissions,
        ProviderJob = null,
        Deadline = Phase is Phase.Queued ? Deadline : QueuedDeadline ?? Deadline,
    };

    /// <summary>The deadline that the queue gave; kept through a submission that the provider put off.</summary>
    public DateTimeOffset? QueuedDeadline { get; init; }

    private GenerationJob GiveUp(Failure failure) => To(Phase.Releasing, null) with { Failure = failure };

    private GenerationJob To(Phase phase, DateTimeOffset? deadline) => this with
    {
        Phase = phase,
        Deadline = deadline,
        QueuedDeadline = phase is Phase.Queued ? deadline : QueuedDeadline,
        Wait = TimeSpan.Zero,
    };
}
