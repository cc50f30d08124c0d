using SkyRiff.Videos.Generating;

namespace SkyRiff.Videos.Providers;

/// <summary>
/// Somebody who makes clips. Adapters translate; they decide nothing about money or retries. No call is made inside a database transaction
/// (a test sees to it), and every call may be repeated but <see cref="CreateAsync"/>, which costs money.
/// </summary>
internal interface IVideoProvider
{
    /// <summary>The key under which it is configured; also the kind of its jobs in the queue.</summary>
    string Name { get; }

    IReadOnlyList<VideoModel> Models { get; }

    /// <summary>How many of its jobs one process works on at a time.</summary>
    int ConcurrencyMax { get; }

    /// <summary>Asks for a clip. <see cref="Creation.Unknown"/> means that it may or may not have been taken: reconcile, never ask again.</summary>
    Task<Creation> CreateAsync(ClipOrder order, CancellationToken cancellationToken);

    /// <summary>Looks for the job of an order whose create call was never answered.</summary>
    Task<Reconciliation> ReconcileAsync(ClipOrder order, DateTimeOffset submittedAt, CancellationToken cancellationToken);

    Task<ProviderState> PollAsync(ClipOrder order, string providerJob, CancellationToken cancellationToken);

    /// <summary>Writes the finished clip to <paramref name="path"/>, at most <paramref name="lengthMax"/> bytes; null when it is there, else why not.</summary>
    Task<Failure?> FetchAsync(ClipOrder order, string providerJob, string path, long lengthMax, CancellationToken cancellationToken);

    /// <summary>Tells the provider that the job is no longer wanted; best effort, after a cancellation and after the clip is ours.</summary>
    Task ForgetAsync(ClipOrder order, string providerJob, CancellationToken cancellationToken);

    /// <summary>True when clips come from our own encoder, whose pictures may be passed on as they are.</summary>
    bool ClipsAreOurs { get; }
}

/// <summary>What is wanted.</summary>
/// <param name="Key">Unique per submission: <c>generation-attempt</c>. Providers that know idempotency keys get it.</param>
/// <param name="ReferencePath">A checked PNG that becomes the first frame, or null.</param>
internal sealed record ClipOrder(string Key, string Prompt, string Model, int Seconds, int Width, int Height, long Seed, string? ReferencePath);

/// <summary>How a create call ended.</summary>
internal abstract record Creation
{
    private Creation()
    {
    }

    public sealed record Accepted(string ProviderJob, TimeSpan PollAfter) : Creation;

    /// <summary>Certainly not taken.</summary>
    public sealed record Refused(Failure Failure) : Creation;

    public sealed record Unknown(string Why) : Creation;
}

internal abstract record Reconciliation
{
    private Reconciliation()
    {
    }

    /// <summary>This order's, without doubt.</summary>
    public sealed record Found(string ProviderJob) : Reconciliation;

    /// <summary>Jobs that look like this order's, oldest first; another order may look the same.</summary>
    public sealed record Alike(IReadOnlyList<string> ProviderJobs) : Reconciliation;

    /// <summary>Looked, and it is not there (yet).</summary>
    public sealed record Absent : Reconciliation;

    /// <summary>Could not look.</summary>
    public sealed record CannotTell(string Why) : Reconciliation;
}

internal abstract record ProviderState
{
    private ProviderState()
    {
    }

    /// <param name="Progress">0 to 1.</param>
    public sealed record Working(double Progress, TimeSpan PollAfter) : ProviderState;

    public sealed record Done : ProviderState;

    public sealed record Failed(Failure Failure) : ProviderState;

    /// <summary>The poll itself failed; the job may be well.</summary>
    public sealed record NoAnswer(string Why, TimeSpan PollAfter) : ProviderState;
}
