using System.Globalization;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Media;

/// <summary>
/// Looks at a file that came from outside before anything else does. The first bytes decide whether it is one of two containers, and
/// only then anything reads it as that: a plain MP4's head is read here (<see cref="PlainMp4"/>), because starting a program costs more than all else about a small clip;
/// every other file is given to ffprobe, with its demuxer forced: a playlist that names inner addresses never reaches a program that would follow it.
/// </summary>
internal sealed class MediaProbe(Ffmpeg ffmpeg)
{
    private const int ReplyLengthMax = 256 << 10;
    private const int StreamsMax = 8;
    private const double FrameRateMin = 1;
    private const double FrameRateMax = 120;
    private static readonly TimeSpan ReadDurationRoom = TimeSpan.FromSeconds(1);

    private static readonly string[] VideoCodecs = ["h264", "hevc", "vp8", "vp9", "av1", "mpeg4"];
    private static readonly string[] AudioCodecs = ["aac", "mp3", "opus", "vorbis", "flac", "ac3", "pcm_s16le"];

    public async Task<Outcome<MediaFacts>> InspectAsync(string path, MediaLimits limits, CancellationToken token)
    {
        var length = new FileInfo(path).Length;
        if (length == 0) return MediaProblems.ClipEmpty.Because("The file has 0 bytes.");
        if (length > limits.LengthMax) return MediaProblems.ClipTooLarge.Because($"The file has {length} bytes; at most {limits.LengthMax} are taken.");
        if (await ContainerOfAsync(path, token) is not { } container)
            return MediaProblems.ClipNotVideo.Because("The file is neither MP4 nor WebM by its first bytes.");

        if (container == ClipContainer.Mov && await PlainMp4.ReadAsync(path, token) is { } said) return Judge(said, container, limits);

        byte[] reply;
        try
        {
            reply = await ffmpeg.ProbeAsync(Question(path, container), token);
        }
        catch (FfmpegException failure) when (failure.Kind is FfmpegFault.Failed or FfmpegFault.TimedOut or FfmpegFault.OutputTooLarge)
        {
            return MediaProblems.ClipUnreadable.Because("The file cannot be read to its end.");
        }

        return Judge(reply, container, limits);
    }

    /// <summary>What ffprobe's reply means; pure, so that any reply can be tried.</summary>
    internal static Outcome<MediaFacts> Judge(ReadOnlySpan<byte> reply, ClipContainer container, MediaLimits limits) =>
        Judge(ProbeReply.Parse(reply), container, limits);

    internal static Outcome<MediaFacts> Judge(ProbeReply? probed, ClipContainer container, MediaLimits limits)
    {
        if (probed?.Streams is not { Count: <= StreamsMax } streams) return MediaProblems.ClipUnreadable.Because("The file's streams cannot be listed.");
        if (streams.Find(IsPicture) is not { } picture) return MediaProblems.ClipNoPicture.Because("The file has no moving picture.");
        if (!VideoCodecs.Contains(picture.CodecName)) return MediaProblems.ClipCodec.Because($"Video coded as '{Plain(picture.CodecName)}' is not taken.");
        var audio = streams.Find(stream => stream.CodecType == "audio");
        if (audio is not null && !AudioCodecs.Contains(audio.CodecName))
            return MediaProblems.ClipCodec.Because($"Sound coded as '{Plain(audio.CodecName)}' is not taken.");

        var (width, height) = ShownSize(picture);
        if (Math.Min(width, height) < limits.SideMin || Math.Max(width, height) > limits.SideMax)
            return MediaProblems.ClipDimensions.Because($"The picture is {width}x{height}; sides of {limits.SideMin} to {limits.SideMax} pixels are taken.");

        var duration = Seconds(picture.Duration) ?? Seconds(probed.Format?.Duration) ?? 0;
        if (duration < limits.DurationMin.TotalSeconds || duration > limits.DurationMax.TotalSeconds)
            return MediaProblems.ClipDuration.Because(
                $"The clip lasts {duration:0.##} s; {limits.DurationMin.TotalSeconds:0.##} to {limits.DurationMax.TotalSeconds:0.##} s are taken.");

        return new MediaFacts
        {
            Container = container,
            Duration = TimeSpan.FromSeconds(duration),
            Width = width,
            Height = height,
            VideoCodec = picture.CodecName!,
            PixelFormat = picture.PixFmt ?? "",
            FrameRate = Math.Clamp(Ratio(picture.AvgFrameRate, '/') ?? 30, FrameRateMin, FrameRateMax),
            HasAudio = audio is not null,
            DecodedPixelsMax = InBlocks(picture.Width) * InBlocks(picture.Height),
            ReadDurationMax = TimeSpan.FromSeconds(Math.Clamp(Seconds(probed.Format?.Duration) ?? 0, duration, limits.DurationMax.TotalSeconds)) + ReadDurationRoom,
        };
    }

    /// <summary>The largest blocks of the codecs we take are 64 pixels wide.</summary>
    private static long InBlocks(int side) => ((long)side + 63) / 64 * 64;

    /// <summary>The container that the first bytes say: an <c>ftyp</c> box, or an EBML head.</summary>
    internal static ClipContainer? ContainerOf(ReadOnlySpan<byte> head) => head switch
    {
        _ when head.Length >= 12 && head[4..8].SequenceEqual("ftyp"u8) => ClipContainer.Mov,
        [0x1A, 0x45, 0xDF, 0xA3, ..] => ClipContainer.Matroska,
        _ => null,
    };

    /// <summary>What ffprobe is asked.</summary>
    internal static FfmpegRun Question(string path, ClipContainer container) => new()
    {
        Folder = Path.GetDirectoryName(path)!,
        OutputLengthMax = ReplyLengthMax,
        Arguments =
        [
            "-protocol_whitelist", "file", "-f", container == ClipContainer.Mov ? "mov" : "matroska",
            "-probesize", "8M", "-analyzeduration", "5M", "-of", "json", "-show_entries",
            "format=duration:stream=codec_type,codec_name,width,height,pix_fmt,duration,avg_frame_rate,sample_aspect_ratio"
            + ":stream_disposition=attached_pic:stream_side_data=rotation",
            "-i", $"file:{path}",
        ],
    };

    private static async Task<ClipContainer?> ContainerOfAsync(string path, CancellationToken token)
    {
        await using var file = File.OpenRead(path);
        var head = new byte[12];
        var count = await file.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, token);
        return ContainerOf(head.AsSpan(0, count));
    }

    private static bool IsPicture(ProbeStream stream) => stream.CodecType == "video" && stream.Disposition?.AttachedPic != 1;

    private static (int Width, int Height) ShownSize(ProbeStream picture)
    {
        var aspect = Ratio(picture.SampleAspectRatio, ':') is { } ratio and > 0.1 and < 10 ? ratio : 1;
        var (width, height) = ((int)Math.Round(picture.Width * aspect), picture.Height);
        var turned = picture.SideDataList?.Exists(data => data.Rotation is 90 or -90 or 270 or -270) == true;
        return turned ? (height, width) : (width, height);
    }

    private static double? Seconds(string? text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) ? seconds : null;

    private static double? Ratio(string? text, char separator)
    {
        if (text is null) return null;
        var at = text.IndexOf(separator);
        if (at < 0 || Seconds(text[..at]) is not { } over || Seconds(text[(at + 1)..]) is not { } under) return null;
        return under > 0 && over > 0 ? over / under : null;
    }

    /// <summary>A codec's name comes from ffprobe's own table, but it stands in an answer: keep it short and plain.</summary>
    private static string Plain(string? name) => new((name ?? "nothing").Where(char.IsAsciiLetterOrDigit).Take(20).ToArray());
}
