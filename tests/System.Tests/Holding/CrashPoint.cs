namespace SkyRiff.SystemTests.Holding;

/// <summary>What brings a generation to a point.</summary>
internal enum Way
{
    /// <summary>It is simply made.</summary>
    Made,

    /// <summary>Its owner cancels it while it is made.</summary>
    Cancelled,

    /// <summary>The provider fails it for good.</summary>
    Failed,

    /// <summary>The wallet cannot pay for it.</summary>
    Refused,
}

/// <summary>A checkpoint at which the whole program kills itself.</summary>
/// <param name="Name">As in the source, <c>Checkpoint.Reached</c>.</param>
/// <param name="AsksBlind">
/// The create call may or may not have gone out for all that the next process can know: a provider that cannot be asked about it has the job failed as lost, never bought again.
/// </param>
internal sealed record CrashPoint(string Name, Way Way, bool AsksBlind = false)
{
    private static readonly string[] Phases = ["submitting", "running", "fetching", "checking", "packaging", "capturing"];

    public static IReadOnlyList<CrashPoint> All { get; } =
    [
        new("videos.holding", Way.Made),
        new("videos.held", Way.Made),
        new("videos.queued", Way.Made),
        .. Phases.SelectMany(phase => (CrashPoint[])[new($"videos.{phase}.before-commit", Way.Made), new($"videos.{phase}", Way.Made, AsksBlind: phase == "submitting")]),
        new("videos.before-create", Way.Made, AsksBlind: true),
        new("videos.after-create", Way.Made),
        new("videos.preview", Way.Made),
        new("videos.packaged-files", Way.Made),
        new("videos.captured", Way.Made),
        new("videos.ready.before-commit", Way.Made),
        new("videos.ready", Way.Made),
        new("videos.cancelling", Way.Cancelled),
        new("videos.forgotten", Way.Cancelled),
        new("videos.released", Way.Cancelled),
        new("videos.cancelled.before-commit", Way.Cancelled),
        new("videos.cancelled", Way.Cancelled),
        new("videos.releasing.before-commit", Way.Failed),
        new("videos.releasing", Way.Failed),
        new("videos.failed.before-commit", Way.Failed),
        new("videos.failed", Way.Failed),
        new("videos.withdrawing", Way.Refused),
        new("videos.hold-refused", Way.Refused),
    ];

    /// <summary>The end that a generation killed here comes to.</summary>
    public string End(bool atStudio) => Way switch
    {
        Way.Made => AsksBlind && !atStudio ? "failed" : "ready",
        Way.Cancelled => "cancelled",
        _ => "failed",
    };

    /// <summary>The built-in provider fails nothing.</summary>
    public bool HappensAt(bool studio) => !studio || Way is not Way.Failed;

    public override string ToString() => Name;
}
