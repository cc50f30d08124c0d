using SkyRiff.Kernel;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Providers.Studio.Sound;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>What to render. The same request gives the same pictures and the same sound for ever.</summary>
internal sealed record StudioRequest
{
    public const int SecondsMax = 20;
    public const int SideMin = 128;
    public const int SideMax = 1920;

    public required string Prompt { get; init; }

    public required long Seed { get; init; }

    /// <summary>1 to <see cref="SecondsMax"/>.</summary>
    public required int Seconds { get; init; }

    /// <summary>Even, <see cref="SideMin"/> to <see cref="SideMax"/>.</summary>
    public required int Width { get; init; }

    /// <summary>Even, <see cref="SideMin"/> to <see cref="SideMax"/>.</summary>
    public required int Height { get; init; }

    /// <summary>A PNG that <see cref="ReferenceImageChecker"/> wrote; it becomes the first frame.</summary>
    public string? ReferencePath { get; init; }

    /// <summary>Where the MP4 goes: a file in an existing folder; replaced when it is there, absent when rendering fails.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Whether length and size are within the bounds above; the service checks before it sells, so a "no" here is a bug.</summary>
    public bool IsRenderable => Seconds is >= 1 and <= SecondsMax && IsSide(Width) && IsSide(Height);

    private static bool IsSide(int side) => side is >= SideMin and <= SideMax && side % 2 == 0;
}

/// <summary>
/// Renders a clip from words: painters on several threads, one frame each, in order into ffmpeg, which encodes while they paint. The result has a key
/// frame every <see cref="Packager.SegmentSeconds"/> s, so that packaging can pass it on without coding it again.
/// </summary>
internal sealed class StudioRenderer(Ffmpeg ffmpeg, Entropy entropy)
{
    /// <summary>At most this many threads paint one clip, so that two clips share a machine.</summary>
    public int PaintersMax { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 8);

    /// <summary>Writes the clip to <see cref="StudioRequest.OutputPath"/>. <paramref name="progress"/> gets the share done, 0 to 1, from one thread.</summary>
    /// <exception cref="FfmpegException">ffmpeg failed.</exception>
    public async Task RenderAsync(StudioRequest request, Action<double> progress, CancellationToken token)
    {
        if (!request.IsRenderable) throw new ArgumentException("The clip's length or size is out of bounds.", nameof(request));
        using var scratch = Scratch.New(ffmpeg.Options.ScratchRoot, entropy);
        var script = SceneScript.Of(request.Prompt, request.Seed);
        var sound = Task.Run(() => File.WriteAllBytesAsync(scratch.File("sound.wav"), SoundTrack.Of(script, request.Seconds), token), token);
        var picture = await ReferenceAsync(request, script, scratch, token);
        var painter = await Task.Run(() => new StudioPainter(script, request.Width, request.Height, request.Seconds, picture), token);
        await using var pictures = new PictureLine(painter, PaintersMax, token); // painted from now on, while the sound is finished and ffmpeg starts
        await sound;
        await ffmpeg.RunAsync(
            new FfmpegRun { Folder = scratch.Folder, Arguments = Encoding(request), Input = (pipe, stop) => WriteAsync(pictures, painter.FrameCount, pipe, progress, stop) }, token);
        File.Move(scratch.File("clip.mp4"), request.OutputPath, overwrite: true);
    }

    private string[] Encoding(StudioRequest request)
    {
        var rate = $"{StudioPainter.FramesPerSecond}";
        var keyEvery = $"{StudioPainter.FramesPerSecond * Packager.SegmentSeconds}";
        return
        [
            "-protocol_whitelist", "file,pipe",
            "-f", "rawvideo", "-pix_fmt", "yuv420p", "-color_range", "tv", "-colorspace", "bt709", "-video_size", $"{request.Width}x{request.Height}", "-framerate", rate, "-i", "pipe:0",
            "-f", "wav", "-i", "file:sound.wav", "-map", "0:v", "-map", "1:a",
            "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", "20", "-maxrate", "6M", "-bufsize", "9M",
            "-x264-params", $"keyint={keyEvery}:min-keyint={keyEvery}:scenecut=0:aq-mode=3", "-threads", $"{ffmpeg.Options.Threads}",
            "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
            "-c:a", "aac", "-b:a", "128k", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact",
            "-movflags", "+faststart", "-f", "mp4", "file:clip.mp4",
        ];
    }

    /// <summary>The picture in the clip's size and shape, as light; ffmpeg scales it and cuts what is over.</summary>
    private async Task<ReferencePicture?> ReferenceAsync(StudioRequest request, SceneScript script, Scratch scratch, CancellationToken token)
    {
        if (request.ReferencePath is null) return null;
        var (width, height) = (request.Width, request.Height);
        var rgb = await ffmpeg.RunAsync(
            new FfmpegRun
            {
                Folder = scratch.Folder,
                OutputLengthMax = width * height * 3,
                Arguments =
                [
                    "-protocol_whitelist", "file,pipe", "-f", "png_pipe", "-i", $"file:{request.ReferencePath}", "-frames:v", "1",
                    "-vf", $"scale={width}:{height}:force_original_aspect_ratio=increase:flags=bicubic,crop={width}:{height}", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1",
                ],
            },
            token);
        return ReferencePicture.Of(rgb, width, height, script.Palette.Look);
    }

    private static async Task WriteAsync(PictureLine pictures, int count, Stream pipe, Action<double> progress, CancellationToken token)
    {
        for (var written = 1; written <= count; written++)
        {
            var picture = await pictures.TakeAsync();
            await pipe.WriteAsync(picture, token);
            pictures.GiveBack(picture);
            progress((double)written / count);
        }
    }
}
