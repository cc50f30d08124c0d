using SkyRiff.Objects;

namespace SkyRiff.Videos.Media;

/// <summary>One stored file of a package; its key ends in a name that carries the start of its content's hash, so it never changes.</summary>
internal sealed record PackageObject(string Key, string ContentType, long Length, string Sha256)
{
    /// <summary>How the package's other files refer to it: they all lie in one folder.</summary>
    public string FileName => Key[(Key.LastIndexOf('/') + 1)..];

    public ObjectKey ObjectKey => Objects.ObjectKey.Of(Key);
}

/// <summary>One rung of the ladder as stored. <paramref name="Codecs"/> is RFC 6381 text, exact for this file.</summary>
internal sealed record Rendition(
    string Name,
    int Width,
    int Height,
    double FrameRate,
    string Codecs,
    int PeakBitrate,
    int AverageBitrate,
    PackageObject Playlist,
    PackageObject Media);

/// <summary>What can be played before the rest is done: a master playlist that names the first rendition only.</summary>
internal sealed record PackagePreview(PackageObject Master, Rendition Rendition);

/// <summary>The strip of small pictures side by side that a player shows while seeking.</summary>
internal sealed record PreviewStrip(PackageObject Image, int Frames, int FrameWidth, int FrameHeight);

/// <summary>Everything a finished package is; stored with the generation as JSON.</summary>
internal sealed record PackageManifest
{
    public required PackageObject Master { get; init; }

    /// <summary>From the smallest to the largest.</summary>
    public required IReadOnlyList<Rendition> Renditions { get; init; }

    /// <summary>The largest rendition as one file that starts playing before it is loaded whole.</summary>
    public required PackageObject Mp4 { get; init; }

    public required PackageObject Poster { get; init; }

    public required PreviewStrip Strip { get; init; }

    public required TimeSpan Duration { get; init; }

    public required int Width { get; init; }

    public required int Height { get; init; }

    public required bool HasAudio { get; init; }

    /// <summary>The preview's master, which players that began early may still hold; kept until the generation goes.</summary>
    public required PackageObject PreviewMaster { get; init; }

    public IEnumerable<PackageObject> Objects()
    {
        yield return Master;
        if (PreviewMaster.Key != Master.Key) yield return PreviewMaster;
        foreach (var rendition in Renditions)
        {
            yield return rendition.Playlist;
            yield return rendition.Media;
        }

        yield return Mp4;
        yield return Poster;
        yield return Strip.Image;
    }
}
