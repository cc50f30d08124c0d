using SkyRiff.Contracts;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos;

/// <summary>Append-only: clients branch on these. Those about media files stand in <see cref="Media.MediaProblems"/>.</summary>
internal static class VideoProblems
{
    public static readonly ProblemCode UnknownModel = new("videos.unknown_model", ProblemCategory.Invalid, "No such model");
    public static readonly ProblemCode NotOffered = new("videos.not_offered", ProblemCategory.Invalid, "The model does not offer that");
    public static readonly ProblemCode DailyLimit = new("videos.daily_limit", ProblemCategory.Limited, "The day's generations are used up");
    public static readonly ProblemCode TooManyAtOnce = new("videos.too_many_at_once", ProblemCategory.Limited, "Too many unfinished generations");
    public static readonly ProblemCode GenerationNotFound = new("videos.generation_not_found", ProblemCategory.NotFound, "No such generation");
    public static readonly ProblemCode TooLateToCancel = new("videos.too_late_to_cancel", ProblemCategory.Conflict, "The generation has ended");
    public static readonly ProblemCode NotReady = new("videos.not_ready", ProblemCategory.Conflict, "The generation has no clip (yet)");
    public static readonly ProblemCode AlreadyPublished = new("videos.already_published", ProblemCategory.Conflict, "The generation is published");
    public static readonly ProblemCode WorkNotFound = WorkProblems.NotFound;
    public static readonly ProblemCode UnknownFeed = new("videos.unknown_feed", ProblemCategory.Invalid, "No such feed");
    public static readonly ProblemCode NoSuchProvider = new("videos.no_such_provider", ProblemCategory.NotFound, "No such video provider");
    public static readonly ProblemCode BadSignature = new("videos.bad_signature", ProblemCategory.Malformed, "The webhook's signature is not valid");
    public static readonly ProblemCode BadEvent = new("videos.bad_event", ProblemCategory.Invalid, "The webhook's event cannot be used");
    public static readonly ProblemCode RangeNotSatisfiable = new("media.range_not_satisfiable", ProblemCategory.Malformed, "The range lies outside the file");
}
