using System.Globalization;

namespace SkyRiff.Videos.Media;

/// <summary>
/// Takes the pictures that stand for a clip: a poster of its best moment, and a strip of small frames for seeking. They are further outputs of the run that makes the
/// last rung (<see cref="Outputs"/>), because another start of the program costs more than they do; <see cref="TakeAsync"/> then chooses and stores.
/// </summary>
internal sealed class Stills(Ffmpeg ffmpeg, PackageRequest request, Scratch scratch)
{
    private const int StripFrames = 10;
    private const int StripSideMax = 160; // longer side of one small picture
    private const int PosterSideMax = 1280;
    private const int PosterQuality = 82;
    private const int StripQuality = 70;

    /// <summary>
    /// Up to this many pixels, all ten candidates for the poster are coded beside the rung and nine are thrown away. That took 0.13 s of processor time at 640x360, 0.3 s at
    /// 854x480 and 0.76 s at 1280x720; a run of its own for the chosen one 0.41, 0.45 and 0.66 s, most of which is its start.
    /// </summary>
    private const int CandidatePixelsMax = 854 * 480;

    private (int Width, int Height) Poster { get; } = Fit(request.Facts, PosterSideMax);

    private (int Width, int Height) Strip { get; } = Fit(request.Facts, StripSideMax);

    private double Seconds => request.Facts.Duration.TotalSeconds;

    /// <summary>Whether posters of this size are made as ten candidates at once, rather than one in a run of its own.</summary>
    internal static bool CandidatesRide(int width, int height) => width * height <= CandidatePixelsMax;

    /// <summary>
    /// Arguments for a run that reads the clip as its only input: ten frames side by side as WebP; the same ten, grey and tiny, to choose from; and where they are small,
    /// the same ten as posters.
    /// </summary>
    public IReadOnlyList<string> Outputs()
    {
        var candidates = CandidatesRide(Poster.Width, Poster.Height);
        // A frame more than fits is cloned at the end, so that rounding never leaves a hole in the strip; and they are counted from 0, so that none is doubled to fill a gap before the first.
        var graph = $"[0:v:0]tpad=stop_mode=clone:stop_duration={Text(Seconds / StripFrames)},fps={Text(StripFrames / Seconds)}:start_time={Text(Seconds / StripFrames / 2)}:round=near,"
            + $"trim=end_frame={StripFrames},setpts=N,split={(candidates ? 3 : 2)}[a][b]{(candidates ? "[c]" : "")};"
            + $"[a]scale={Strip.Width}:{Strip.Height}:flags=area,tile={StripFrames}x1[strip];"
            + $"[b]scale={StillFrames.Width}:{StillFrames.Height}:flags=area,format=gray[looks]"
            + (candidates ? $";[c]{PosterScale}[posters]" : "");
        return
        [
            "-filter_complex", graph,
            "-map", "[strip]", "-frames:v", "1", .. WebP(StripQuality), "-f", "webp", "file:strip.webp",
            "-map", "[looks]", "-frames:v", $"{StripFrames}", "-f", "rawvideo", "file:looks.gray",
            .. candidates ? (string[])["-map", "[posters]", "-frames:v", $"{StripFrames}", .. WebP(PosterQuality), "-f", "image2", "-start_number", "0", "file:poster-%d.webp"] : [],
        ];
    }

    /// <summary>Chooses the poster, makes it if it is not there yet, and stores both, after a run with <see cref="Outputs"/>.</summary>
    public async Task<(PackageObject Poster, PreviewStrip Strip)> TakeAsync(PackageShelf shelf, CancellationToken token)
    {
        var best = StillFrames.Best(await LooksAsync(token));
        var chosen = $"poster-{best}.webp";
        if (!CandidatesRide(Poster.Width, Poster.Height)) await TakePosterAsync((best + 0.5) * Seconds / StripFrames, chosen, token);

        var strip = await shelf.PutFileAsync("strip", "webp", MediaTypes.Picture, scratch.File("strip.webp"), token);
        var poster = await shelf.PutFileAsync("poster", "webp", MediaTypes.Picture, scratch.File(chosen), token);
        return (poster, new PreviewStrip(strip, StripFrames, Strip.Width, Strip.Height));
    }

    private async Task<byte[]> LooksAsync(CancellationToken token)
    {
        var looks = new byte[StillFrames.Bytes * StripFrames];
        await using var file = File.OpenRead(scratch.File("looks.gray"));
        return looks[..await file.ReadAtLeastAsync(looks, looks.Length, throwOnEndOfStream: false, token)];
    }

    private Task<byte[]> TakePosterAsync(double moment, string name, CancellationToken token) =>
        ffmpeg.RunAsync(
            new FfmpegRun
            {
                Folder = scratch.Folder,
                Arguments = ["-ss", Text(moment), .. request.Input(), "-map", "0:v:0", "-frames:v", "1", "-vf", PosterScale, .. WebP(PosterQuality), "-f", "webp", $"file:{name}"],
            },
            token);

    private string PosterScale => $"scale={Poster.Width}:{Poster.Height}:flags=bicubic,setsar=1";

    /// <summary>The clip's shape in at most <paramref name="sideMax"/> pixels, even and never larger than the source.</summary>
    private static (int Width, int Height) Fit(MediaFacts facts, int sideMax)
    {
        var scale = Math.Min(1, (double)sideMax / Math.Max(facts.Width, facts.Height));
        return (Even(facts.Width * scale), Even(facts.Height * scale));
    }

    private static int Even(double side) => Math.Max(2, (int)(side + 0.01) & ~1);

    private static string[] WebP(int quality) =>
        ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-c:v", "libwebp", "-quality", $"{quality}", "-compression_level", "3"];

    private static string Text(double seconds) => seconds.ToString("0.######", CultureInfo.InvariantCulture);
}
