using System.Globalization;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Objects;

namespace SkyRiff.Videos.Media;

/// <summary>What to package, and where to put it.</summary>
internal sealed record PackageRequest
{
    /// <summary>The full path of a clip that <see cref="MediaProbe"/> took.</summary>
    public required string SourcePath { get; init; }

    public required MediaFacts Facts { get; init; }

    /// <summary>The folder of all keys, without a slash at its end: <c>clips/42</c>.</summary>
    public required string KeyPrefix { get; init; }

    /// <summary>
    /// The clip was encoded by us with a key frame every <see cref="Packager.SegmentSeconds"/> s, so its pictures may be passed on as they are where
    /// the size fits. A stranger's bits are always decoded and coded again.
    /// </summary>
    public bool SourceIsOurs { get; init; }

    /// <summary>
    /// The words that open the clip. It was described by its head, which may lie: pictures larger than it says are not decoded, and nothing is read that comes later
    /// than its end.
    /// </summary>
    public IEnumerable<string> Input() =>
    [
        "-protocol_whitelist", "file,pipe", "-max_pixels", $"{Facts.DecodedPixelsMax}", "-t", Facts.ReadDurationMax.TotalSeconds.ToString("0.######", CultureInfo.InvariantCulture),
        "-f", Facts.Demuxer, "-i", $"file:{SourcePath}",
    ];
}

/// <summary>
/// From a checked clip to what players fetch:
/// <list type="number">
/// <item>the first rendition and a master playlist that names only it, stored and announced at once;</item>
/// <item>the other renditions, the top one as MP4 too;</item>
/// <item>preview strip and poster, of the frames that the last rendition's run put aside;</item>
/// <item>the master playlist of all renditions.</item>
/// </list>
/// Everything is stored under names with its content's hash, and nothing stored ever changes. Faults throw (<see cref="FfmpegException"/>,
/// <see cref="ObjectStoreException"/>) and may leave objects under the prefix for the caller or the sweep to delete.
/// </summary>
internal sealed class Packager(Ffmpeg ffmpeg, IObjectStore store, Entropy entropy)
{
    public const int SegmentSeconds = 2;

    /// <summary>A clip whose pictures end this far before its head says is damaged, not just rounded.</summary>
    private const double PlayableShareMin = 0.9;

    public async Task<Outcome<PackageManifest>> PackageAsync(
        PackageRequest request, Func<PackagePreview, CancellationToken, Task> previewReady, Action<double> progress, CancellationToken token)
    {
        using var scratch = Scratch.New(ffmpeg.Options.ScratchRoot, entropy);
        var shelf = new PackageShelf(store, request.KeyPrefix, ffmpeg.Options.OutputBytesMax);
        var renditions = new Renditions(ffmpeg, request, scratch);
        var stills = new Stills(ffmpeg, request, scratch);
        var ladder = Ladder.For(request.Facts.Width, request.Facts.Height);
        Task<(Rendition Rendition, double Seconds)> MakeAsync(int rung, double from, double share) =>
            renditions.MakeAsync(ladder[rung], rung == ladder.Count - 1 ? stills.Outputs() : [], shelf, done => progress(from + (done * share)), token);

        var (first, seconds) = await MakeAsync(0, 0, 0.4);
        if (Damage(request.Facts, seconds) is { } damage) return damage;
        var preview = await PutMasterAsync(shelf, "preview", [first], token);
        progress(0.45);
        await previewReady(new PackagePreview(preview, first), token);

        List<Rendition> made = [first];
        for (var rung = 1; rung < ladder.Count; rung++) made.Add((await MakeAsync(rung, 0.45, 0.4)).Rendition);

        progress(0.88);
        var (poster, strip) = await stills.TakeAsync(shelf, token);
        var mp4 = await shelf.PutFileAsync("clip", "mp4", MediaTypes.Video, renditions.Mp4Of(ladder[^1]), token);
        var master = made.Count == 1 ? preview : await PutMasterAsync(shelf, "master", made, token);
        progress(1);
        return new PackageManifest
        {
            Master = master,
            PreviewMaster = preview,
            Renditions = made,
            Mp4 = mp4,
            Poster = poster,
            Strip = strip,
            Duration = TimeSpan.FromSeconds(Math.Round(seconds, 3)),
            Width = ladder[^1].Width,
            Height = ladder[^1].Height,
            HasAudio = request.Facts.HasAudio,
        };
    }

    /// <summary>What is wrong with a clip that plays for <paramref name="seconds"/>, if anything is.</summary>
    private static Problem? Damage(MediaFacts facts, double seconds) => seconds switch
    {
        _ when seconds < (facts.Duration.TotalSeconds * PlayableShareMin) - 0.2 =>
            MediaProblems.ClipUnreadable.Because($"The clip says that it lasts {facts.Duration.TotalSeconds:0.#} s, but only {seconds:0.#} s of it can be played."),
        _ when seconds > facts.ReadDurationMax.TotalSeconds - 0.1 =>
            MediaProblems.ClipUnreadable.Because($"The clip says that it lasts {facts.Duration.TotalSeconds:0.#} s, but it goes on."),
        _ => null,
    };

    private static Task<PackageObject> PutMasterAsync(PackageShelf shelf, string name, IEnumerable<Rendition> renditions, CancellationToken token) =>
        shelf.PutTextAsync(name, "m3u8", MediaTypes.Playlist, HlsPlaylist.WriteMaster(renditions), token);
}
