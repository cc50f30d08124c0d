namespace SkyRiff.Videos.Media;

/// <summary>Why a run of ffmpeg or ffprobe gave nothing. A cancelled run throws <see cref="OperationCanceledException"/> as everything does.</summary>
internal enum FfmpegFault
{
    /// <summary>The program is not installed where the options say.</summary>
    Missing,

    /// <summary>It ended with an error: the input is bad, or we asked for nonsense.</summary>
    Failed,

    /// <summary>It took longer than its wall-clock or CPU limit.</summary>
    TimedOut,

    /// <summary>It wrote more than a file may have, or said more than we read.</summary>
    OutputTooLarge,

    /// <summary>The scratch disk is full.</summary>
    NoSpace,
}

/// <summary>The last of what it said is in <see cref="Diagnostics"/>; it may quote the input and belongs in a log, never in a reply.</summary>
internal sealed class FfmpegException(FfmpegFault kind, string message, string diagnostics, Exception? inner = null) : Exception($"{message} ({kind})", inner)
{
    public FfmpegFault Kind { get; } = kind;

    public string Diagnostics { get; } = diagnostics;
}
