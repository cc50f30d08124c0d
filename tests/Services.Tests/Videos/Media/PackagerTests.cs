using System.Security.Cryptography;
using System.Text.Json;
using Shouldly;
using SkyRiff.Objects;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class PackagerTests : IDisposable
{
    private readonly MediaKit _kit = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _kit.Dispose();

    [Fact]
    public async Task A_clip_becomes_a_ladder_that_plays_with_its_first_rung_early()
    {
        var source = _kit.Clip("source.mp4", 1280, 720, 4);
        var progress = new List<double>();
        List<string> atPreview = [];

        var manifest = await PackageAsync(source, progress.Add, async (preview, token) =>
        {
            await foreach (var stored in _kit.Store.ListAsync(ObjectPrefix.All, null, token)) atPreview.Add(stored.Key.Value);
            atPreview.ShouldContain(preview.Master.Key);
        });

        atPreview.ShouldBe([manifest.PreviewMaster.Key, manifest.Renditions[0].Playlist.Key, manifest.Renditions[0].Media.Key], ignoreOrder: true);
        manifest.Renditions.Select(rendition => (rendition.Name, rendition.Width, rendition.Height)).ShouldBe([("360p", 640, 360), ("720p", 1280, 720)]);
        (manifest.Width, manifest.Height, manifest.HasAudio).ShouldBe((1280, 720, true));
        manifest.Duration.TotalSeconds.ShouldBe(4, 0.1);
        progress.ShouldBe(progress.Order());
        progress[^1].ShouldBe(1);

        var site = await _kit.ExportAsync(Token);
        foreach (var playlist in new[] { manifest.PreviewMaster, manifest.Master, manifest.Renditions[0].Playlist, manifest.Renditions[1].Playlist })
        {
            var played = Played(Path.Combine(site, playlist.Key));
            played.Frames.ShouldBeInRange(98, 102);
            played.HasSound.ShouldBeTrue();
        }

        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task Everything_is_named_by_its_hash_and_the_manifest_names_everything()
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", 640, 480));

        var stored = new List<string>();
        await foreach (var item in _kit.Store.ListAsync(ObjectPrefix.All, null, Token)) stored.Add(item.Key.Value);
        manifest.Objects().Select(item => item.Key).ShouldBe(stored, ignoreOrder: true);
        var site = await _kit.ExportAsync(Token);
        foreach (var item in manifest.Objects())
        {
            var bytes = await File.ReadAllBytesAsync(Path.Combine(site, item.Key), Token);
            var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
            (item.Length, item.Sha256).ShouldBe((bytes.Length, hash));
            item.Key.ShouldStartWith("clips/7/");
            item.Key.ShouldContain($"-{hash[..16]}.");
        }

        var master = await File.ReadAllTextAsync(Path.Combine(site, manifest.Master.Key), Token);
        master.ShouldContain(manifest.Renditions[0].Playlist.FileName);
        master.ShouldContain(manifest.Renditions[1].Playlist.FileName);
        master.ShouldNotContain("clips/");
    }

    [Fact]
    public async Task The_named_codecs_are_those_of_the_file()
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", 1280, 720, 1));
        var site = await _kit.ExportAsync(Token);

        foreach (var rendition in manifest.Renditions)
        {
            var stream = Probe(Path.Combine(site, rendition.Playlist.Key)).GetProperty("streams").EnumerateArray().First(s => s.GetProperty("codec_type").GetString() == "video");
            stream.GetProperty("profile").GetString().ShouldBe("High");
            rendition.Codecs.ShouldBe($"avc1.6400{stream.GetProperty("level").GetInt32():x2},mp4a.40.2");
            rendition.PeakBitrate.ShouldBeGreaterThanOrEqualTo(rendition.AverageBitrate);
        }
    }

    [Fact]
    public async Task The_download_starts_before_it_is_loaded_whole()
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", 640, 360, 1));
        var bytes = await File.ReadAllBytesAsync(Path.Combine(await _kit.ExportAsync(Token), manifest.Mp4.Key), Token);

        bytes.AsSpan().IndexOf("moov"u8).ShouldBeLessThan(bytes.AsSpan().IndexOf("mdat"u8));
        manifest.Mp4.ContentType.ShouldBe("video/mp4");
    }

    [Fact]
    public async Task The_poster_is_not_the_black_beginning_and_the_strip_has_ten_frames()
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", 360, 640));
        var site = await _kit.ExportAsync(Token);

        var brightness = MediaKit.Run("ffprobe", "-f", "lavfi", "-i", $"movie={Path.Combine(site, manifest.Poster.Key)},signalstats", "-show_entries", "frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0");
        double.Parse(brightness.Trim()).ShouldBeGreaterThan(50);
        Size(Path.Combine(site, manifest.Poster.Key)).ShouldBe((360, 640));
        Size(Path.Combine(site, manifest.Strip.Image.Key)).ShouldBe((manifest.Strip.FrameWidth * 10, manifest.Strip.FrameHeight));
        (manifest.Strip.Frames, manifest.Strip.FrameWidth, manifest.Strip.FrameHeight).ShouldBe((10, 90, 160));
    }

    [Fact]
    public async Task A_small_upright_silent_clip_keeps_its_size_in_one_rendition()
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", 180, 320, 1, sound: false));

        manifest.Renditions.ShouldHaveSingleItem();
        (manifest.Width, manifest.Height, manifest.HasAudio, manifest.Renditions[0].Codecs.Contains("mp4a")).ShouldBe((180, 320, false, false));
        manifest.Master.ShouldBe(manifest.PreviewMaster);
        Played(Path.Combine(await _kit.ExportAsync(Token), manifest.Master.Key)).Frames.ShouldBe(25);
    }

    [Fact]
    public async Task The_same_clip_gives_the_same_names()
    {
        var source = _kit.Clip("source.mp4", 640, 480, 1);

        var first = await PackageAsync(source);
        var second = await PackageAsync(source);

        second.Objects().Select(item => item.Key).ShouldBe(first.Objects().Select(item => item.Key));
    }

    [Fact]
    public async Task A_clip_of_ours_is_passed_on_as_it_is_and_a_strangers_is_not()
    {
        var source = _kit.Clip("source.mp4", 640, 480, 2, true, "-g", "50", "-x264-params", "info=0:nal-hrd=none", "-preset", "ultrafast");

        var ours = await PackageAsync(source, ours: true);
        var strangers = await PackageAsync(source);

        var site = await _kit.ExportAsync(Token);
        string Pictures(string path) => MediaKit.Run("ffmpeg", "-i", path, "-map", "0:v", "-f", "framemd5", "-");
        Pictures(Path.Combine(site, ours.Mp4.Key)).ShouldBe(Pictures(source));
        Pictures(Path.Combine(site, strangers.Mp4.Key)).ShouldNotBe(Pictures(source));
    }

    [Fact]
    public async Task A_clip_whose_pictures_end_early_is_refused_before_anyone_is_told()
    {
        var whole = await File.ReadAllBytesAsync(_kit.Clip("whole.mp4", 640, 360, 4, true, "-movflags", "+faststart"), Token);
        await File.WriteAllBytesAsync(_kit.File("cut.mp4"), whole[..(whole.Length / 2)], Token);
        var facts = (await _kit.Probe.InspectAsync(_kit.File("cut.mp4"), new MediaLimits(), Token)).Value;
        var told = false;

        var outcome = await _kit.Packager.PackageAsync(
            Request(_kit.File("cut.mp4"), facts),
            (_, _) =>
            {
                told = true;
                return Task.CompletedTask;
            },
            _ => { },
            Token);

        outcome.Problem!.Code.ShouldBe(MediaProblems.ClipUnreadable);
        told.ShouldBeFalse();
        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_cancelled_packaging_leaves_no_scratch()
    {
        var source = _kit.Clip("source.mp4", 1280, 720);
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Token);

        await Should.ThrowAsync<OperationCanceledException>(async () => await _kit.Packager.PackageAsync(
            Request(source, await FactsAsync(source)), (_, _) => cancelled.CancelAsync(), _ => { }, cancelled.Token));

        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_manifest_survives_being_stored_as_JSON()
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", 128, 96, 1));

        var again = JsonSerializer.Deserialize<PackageManifest>(JsonSerializer.Serialize(manifest))!;

        again.Objects().ShouldBe(manifest.Objects());
        (again.Duration, again.Strip, again.Renditions[0]).ShouldBe((manifest.Duration, manifest.Strip, manifest.Renditions[0]));
    }

    private static PackageRequest Request(string source, MediaFacts facts, bool ours = false) =>
        new() { SourcePath = source, Facts = facts, KeyPrefix = "clips/7", SourceIsOurs = ours };

    private async Task<MediaFacts> FactsAsync(string source) => (await _kit.Probe.InspectAsync(source, new MediaLimits(), Token)).Value;

    private async Task<PackageManifest> PackageAsync(
        string source, Action<double>? progress = null, Func<PackagePreview, CancellationToken, Task>? previewReady = null, bool ours = false) =>
        (await _kit.Packager.PackageAsync(
            Request(source, await FactsAsync(source), ours), previewReady ?? ((_, _) => Task.CompletedTask), progress ?? (_ => { }), Token)).Value;

    private static (int Frames, bool HasSound) Played(string playlist)
    {
        var probed = Probe(playlist, "-count_frames").GetProperty("streams").EnumerateArray().ToList();
        // A master lists each rendition's streams; the first picture is what a player starts with.
        var picture = probed.First(stream => stream.GetProperty("codec_type").GetString() == "video");
        return (int.Parse(picture.GetProperty("nb_read_frames").GetString()!), probed.Exists(stream => stream.GetProperty("codec_type").GetString() == "audio"));
    }

    private static (int Width, int Height) Size(string picture)
    {
        var stream = Probe(picture).GetProperty("streams")[0];
        return (stream.GetProperty("width").GetInt32(), stream.GetProperty("height").GetInt32());
    }

    private static JsonElement Probe(string path, params string[] extra)
    {
        var input = path.EndsWith(".m3u8", StringComparison.Ordinal) ? new[] { "-allowed_extensions", "ALL" } : [];
        return JsonDocument.Parse(MediaKit.Run("ffprobe", [.. extra, .. input, "-of", "json", "-show_streams", path])).RootElement;
    }
}
