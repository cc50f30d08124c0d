using System.Globalization;

namespace SkyRiff.Videos.Media;

/// <summary>Takes the pictures that stand for a clip: a poster of its best moment, and a strip of small frames for seeking.</summary>
internal sealed class Stills(Ffmpeg ffmpeg, PackageRequest request, Scratch scratch)
{
    private const int StripFrames = 10;
    private const int StripSideMax = 160; // longer side of one small picture
    private const int PosterSideMax = 1280;
    private const int PosterQuality = 82;
    private const int StripQuality = 70;

    private double Seconds => request.Facts.Duration.TotalSeconds;

    /// <summary>Stores both. <paramref name="small"/> is the first rendition's MP4, cheap to look through; the poster is of the source.</summary>
    public async Task<(PackageObject Poster, PreviewStrip Strip)> TakeAsync(string small, PackageShelf shelf, CancellationToken token)
    {
        var (width, height) = Fit(StripSideMax);
        var looks = await LookThroughAsync(small, width, height, token);
        var moment = (StillFrames.Best(looks) + 0.5) * Seconds / StripFrames;
        await TakePosterAsync(moment, token);

        var strip = await shelf.PutFileAsync("strip", "webp", MediaTypes.Picture, scratch.File("strip.webp"), token);
        var poster = await shelf.PutFileAsync("poster", "webp", MediaTypes.Picture, scratch.File("poster.webp"), token);
        return (poster, new PreviewStrip(strip, StripFrames, width, height));
    }

    /// <summary>One pass over the small rendition: ten frames side by side as WebP, and the same ten, grey and tiny, to choose from.</summary>
    private Task<byte[]> LookThroughAsync(string small, int width, int height, CancellationToken token)
    {
        var rate = (StripFrames / Seconds).ToString("0.######", CultureInfo.InvariantCulture);
        // A frame more than fits is cloned at the end, so that rounding never leaves a hole in the strip.
        var graph = $"[0:v]tpad=stop_mode=clone:stop_duration={Text(Seconds / StripFrames)},fps={rate}:start_time={Text(Seconds / StripFrames / 2)}:round=near,"
            + $"trim=end_frame={StripFrames},split[a][b];[a]scale={width}:{height}:flags=area,tile={StripFrames}x1[strip];"
            + $"[b]scale={StillFrames.Width}:{StillFrames.Height}:flags=area,format=gray[looks]";
        return ffmpeg.RunAsync(
            new FfmpegRun
            {
                Folder = scratch.Folder,
                OutputLengthMax = StillFrames.Bytes * StripFrames * 2,
                Arguments =
                [
                    "-protocol_whitelist", "file,pipe", "-f", "mov", "-i", $"file:{small}", "-filter_complex", graph,
                    "-map", "[strip]", "-frames:v", "1", .. WebP(StripQuality), "file:strip.webp",
                    "-map", "[looks]", "-f", "rawvideo", "pipe:1",
                ],
            },
            token);
    }

    private Task<byte[]> TakePosterAsync(double moment, CancellationToken token)
    {
        var (width, height) = Fit(PosterSideMax);
        return ffmpeg.RunAsync(
            new FfmpegRun
            {
                Folder = scratch.Folder,
                Arguments =
                [
                    "-protocol_whitelist", "file,pipe", "-f", request.Facts.Demuxer, "-ss", Text(moment), "-i", $"file:{request.SourcePath}",
                    "-map", "0:v:0", "-frames:v", "1", "-vf", $"scale={width}:{height}:flags=bicubic,setsar=1", .. WebP(PosterQuality), "file:poster.webp",
                ],
            },
            token);
    }

    /// <summary>The clip's shape in at most <paramref name="sideMax"/> pixels, even and never larger than the source.</summary>
    private (int Width, int Height) Fit(int sideMax)
    {
        var scale = Math.Min(1, (double)sideMax / Math.Max(request.Facts.Width, request.Facts.Height));
        return (Even(request.Facts.Width * scale), Even(request.Facts.Height * scale));
    }

    private static int Even(double side) => Math.Max(2, (int)(side + 0.01) & ~1);

    private static string[] WebP(int quality) =>
        ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-c:v", "libwebp", "-quality", $"{quality}", "-compression_level", "3", "-f", "webp"];

    private static string Text(double seconds) => seconds.ToString("0.######", CultureInfo.InvariantCulture);
}
