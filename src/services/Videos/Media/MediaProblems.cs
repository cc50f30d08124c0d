using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Media;

/// <summary>Why a file is not taken. A provider's clip that earns one of these is bad output; a person's image is answered with it.</summary>
internal static class MediaProblems
{
    public static ProblemCode ClipEmpty { get; } = Clip("empty", "The clip has no bytes");

    public static ProblemCode ClipTooLarge { get; } = Clip("too_large", "The clip has too many bytes");

    public static ProblemCode ClipNotVideo { get; } = Clip("not_video", "The file is not a video of a kind we take");

    public static ProblemCode ClipUnreadable { get; } = Clip("unreadable", "The clip is damaged");

    public static ProblemCode ClipNoPicture { get; } = Clip("no_picture", "The clip has no video stream");

    public static ProblemCode ClipCodec { get; } = Clip("codec", "The clip is coded in a way we do not take");

    public static ProblemCode ClipDimensions { get; } = Clip("dimensions", "The clip's picture is too small or too large");

    public static ProblemCode ClipDuration { get; } = Clip("duration", "The clip is too short or too long");

    public static ProblemCode ImageEmpty { get; } = new("videos.image_empty", ProblemCategory.Invalid, "The image has no bytes");

    public static ProblemCode ImageTooLarge { get; } = new("videos.image_too_large", ProblemCategory.TooLarge, "The image has too many bytes");

    public static ProblemCode ImageType { get; } = new("videos.image_type", ProblemCategory.UnsupportedMediaType, "The image is of a type we do not take");

    public static ProblemCode ImageUnreadable { get; } = new("videos.image_unreadable", ProblemCategory.Invalid, "The image is damaged");

    public static ProblemCode ImageDimensions { get; } = new("videos.image_dimensions", ProblemCategory.Invalid, "The image is too small or too large");

    private static ProblemCode Clip(string name, string title) => new($"videos.clip_{name}", ProblemCategory.Invalid, title);
}
