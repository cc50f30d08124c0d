namespace SkyRiff.Videos.Media;

/// <summary>The demuxers we ever use on a clip; the file's first bytes choose, never ffmpeg's guess.</summary>
internal enum ClipContainer
{
    /// <summary>MP4 and QuickTime: <c>-f mov</c>.</summary>
    Mov,

    /// <summary>WebM and Matroska: <c>-f matroska</c>.</summary>
    Matroska,
}

/// <summary>What a checked clip is. Width and height are as shown, after rotation and with square pixels.</summary>
internal sealed record MediaFacts
{
    public required ClipContainer Container { get; init; }

    public required TimeSpan Duration { get; init; }

    public required int Width { get; init; }

    public required int Height { get; init; }

    public required string VideoCodec { get; init; }

    public required string PixelFormat { get; init; }

    /// <summary>Frames per second, 1 to 120.</summary>
    public required double FrameRate { get; init; }

    public required bool HasAudio { get; init; }

    /// <summary>Pixels of a picture as decoded, with room for decoders that work in blocks: a stream with larger ones is not the one that was described.</summary>
    public required long DecodedPixelsMax { get; init; }

    /// <summary>How far a run may read: a little further than the clip's last stream is said to last.</summary>
    public required TimeSpan ReadDurationMax { get; init; }

    public string Demuxer => Container == ClipContainer.Mov ? "mov" : "matroska";
}

/// <summary>What clips we take; each bound is inclusive.</summary>
internal sealed record MediaLimits
{
    /// <summary>Bytes of the file.</summary>
    public long LengthMax { get; init; } = 512L << 20;

    public TimeSpan DurationMin { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan DurationMax { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Pixels of the shorter side.</summary>
    public int SideMin { get; init; } = 64;

    /// <summary>Pixels of the longer side: 4K in either direction.</summary>
    public int SideMax { get; init; } = 4096;
}
