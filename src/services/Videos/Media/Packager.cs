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
}

/// <summary>
/// From a checked clip to what players fetch:
/// <list type="number">
/// <item>the first rendition and a master playlist that names only it, stored and announced at once;</item>
/// <item>the other renditions, the top one as MP4 too;</item>
/// <item>poster and preview strip;</item>
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
        var ladder = Ladder.For(request.Facts.Width, request.Facts.Height);

        var (first, seconds) = await renditions.MakeAsync(ladder[0], shelf, share => progress(share * 0.4), token);
        if (seconds < (request.Facts.Duration.TotalSeconds * PlayableShareMin) - 0.2)
            return MediaProblems.ClipUnreadable.Because(
                $"The clip says that it lasts {request.Facts.Duration.TotalSeconds:0.#} s, but only {seconds:0.#} s of it can be played.");
        var preview = await PutMasterAsync(shelf, "preview", [first], token);
        progress(0.45);
        await previewReady(new PackagePreview(preview, first), token);

        List<Rendition> made = [first];
        foreach (var rung in ladder.Skip(1))
        {
            made.Add((await renditions.MakeAsync(rung, shelf, share => progress(0.45 + (share * 0.4)), token)).Rendition);
        }

        progress(0.88);
        var (poster, strip) = await new Stills(ffmpeg, request, scratch).TakeAsync(renditions.Mp4Of(ladder[0]), shelf, token);
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

    private static Task<PackageObject> PutMasterAsync(PackageShelf shelf, string name, IEnumerable<Rendition> renditions, CancellationToken token) =>
        shelf.PutTextAsync(name, "m3u8", MediaTypes.Playlist, HlsPlaylist.WriteMaster(renditions), token);
}
