using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Shouldly;
using SkyRiff.Kernel;
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

    [Theory]
    [InlineData(360, 640, 90, 160)]
    [InlineData(960, 540, 160, 90)]
    public async Task The_poster_is_not_the_black_beginning_and_the_strip_has_ten_frames(int width, int height, int stripWidth, int stripHeight)
    {
        var manifest = await PackageAsync(_kit.Clip("source.mp4", width, height));
        var site = await _kit.ExportAsync(Token);

        var brightness = MediaKit.Run("ffprobe", "-f", "lavfi", "-i", $"movie={Path.Combine(site, manifest.Poster.Key)},signalstats", "-show_entries", "frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0");
        double.Parse(brightness.Trim()).ShouldBeGreaterThan(50);
        Size(Path.Combine(site, manifest.Poster.Key)).ShouldBe((width, height));
        Size(Path.Combine(site, manifest.Strip.Image.Key)).ShouldBe((manifest.Strip.FrameWidth * 10, manifest.Strip.FrameHeight));
        (manifest.Strip.Frames, manifest.Strip.FrameWidth, manifest.Strip.FrameHeight).ShouldBe((10, stripWidth, stripHeight));
    }

    [Theory]
    [InlineData(128, 128, 1)] // one run makes everything
    [InlineData(640, 480, 2)] // one for each rung
    [InlineData(960, 540, 3)] // and one for the large poster
    public async Task A_plain_clip_is_checked_and_packaged_with_few_starts_of_a_program(int width, int height, int starts)
    {
        var source = _kit.Clip("source.mp4", width, height, 1);
        var log = _kit.File("starts.log");
        string Counted(string program)
        {
            var script = _kit.File(program);
            File.WriteAllText(script, $"#!/bin/sh\necho {program} >> '{log}'\nexec {program} \"$@\"\n");
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            return script;
        }
        var ffmpeg = new Ffmpeg(_kit.Ffmpeg.Options with { FfmpegPath = Counted("ffmpeg"), FfprobePath = Counted("ffprobe") }, TimeProvider.System);

        var facts = (await new MediaProbe(ffmpeg).InspectAsync(source, new MediaLimits(), Token)).Value;
        var manifest = (await new Packager(ffmpeg, _kit.Store, Entropy.System).PackageAsync(Request(source, facts), (_, _) => Task.CompletedTask, _ => { }, Token)).Value;

        (await File.ReadAllLinesAsync(log, Token)).ShouldBe(Enumerable.Repeat("ffmpeg", starts));
        manifest.Objects().Count().ShouldBeGreaterThanOrEqualTo(6);
    }

    [Theory]
    [InlineData(0.3, "25")]
    [InlineData(0.97, "24000/1001")]
    [InlineData(7.321, "12")]
    public async Task Ten_frames_are_looked_at_whatever_the_length(double seconds, string rate)
    {
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", FormattableString.Invariant($"testsrc2=s=128x128:d={seconds}:r={rate}"), "-pix_fmt", "yuv420p", _kit.File("source.mp4"));
        var request = Request(_kit.File("source.mp4"), await FactsAsync(_kit.File("source.mp4")));
        using var scratch = Scratch.New(_kit.ScratchRoot, Entropy.System);

        await _kit.Ffmpeg.RunAsync(new FfmpegRun { Folder = scratch.Folder, Arguments = [.. request.Input(), .. new Stills(_kit.Ffmpeg, request, scratch).Outputs()] }, Token);

        var looks = await File.ReadAllBytesAsync(scratch.File("looks.gray"), Token);
        looks.Length.ShouldBe(10 * StillFrames.Bytes);
        looks.Chunk(StillFrames.Bytes).Select(Convert.ToHexString).Distinct().Count().ShouldBeGreaterThanOrEqualTo(seconds < 0.5 ? 7 : 10); // 0.3 s has eight frames
        Directory.EnumerateFiles(scratch.Folder, "poster-*.webp").Select(Path.GetFileName).Order().ShouldBe(Enumerable.Range(0, 10).Select(index => $"poster-{index}.webp"));
    }

    [Theory]
    [InlineData(640, 360, true)]
    [InlineData(480, 854, true)]
    [InlineData(856, 480, false)]
    [InlineData(1280, 720, false)]
    public void Only_small_posters_are_made_ten_at_a_time(int width, int height, bool ride) => Stills.CandidatesRide(width, height).ShouldBe(ride);

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
    public async Task A_clip_whose_head_says_that_its_pictures_are_small_is_refused()
    {
        // The head of a small clip over the pictures of a large one, which bring their own parameters.
        string Made(string name, int side, params string[] extra)
        {
            MediaKit.Run("ffmpeg", ["-f", "lavfi", "-i", $"testsrc2=s={side}x{side}:d=1:r=5", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bsf:v", "dump_extra=freq=all", .. extra, _kit.File(name)]);
            return _kit.File(name);
        }
        var small = await File.ReadAllBytesAsync(Made("small.mp4", 256), Token);
        var large = await File.ReadAllBytesAsync(Made("large.mp4", 2048), Token);
        var lying = MediaKit.WithDescriptionOf(large, small);
        await File.WriteAllBytesAsync(_kit.File("lying.mp4"), lying, Token);

        MediaKit.Run("ffprobe", "-show_entries", "frame=width", "-of", "csv=p=0", _kit.File("lying.mp4")).ShouldContain("2048"); // what a decoder makes of it unless it is bounded
        (await PlainMp4.ReadAsync(_kit.File("lying.mp4"), Token)).ShouldNotBeNull();
        var facts = (await _kit.Probe.InspectAsync(_kit.File("lying.mp4"), new MediaLimits(), Token)).Value;
        (facts.Width, facts.Height).ShouldBe((256, 256));
        foreach (var ours in new[] { false, true })
        {
            var fault = await Should.ThrowAsync<FfmpegException>(() => _kit.Packager.PackageAsync(Request(_kit.File("lying.mp4"), facts, ours), (_, _) => Task.CompletedTask, _ => { }, Token));
            fault.Kind.ShouldBe(FfmpegFault.Failed); // which is bad output of whoever made the clip
        }

        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_clip_that_goes_on_after_its_end_is_refused()
    {
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=128x96:d=9:r=5", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", _kit.File("long.webm"));
        var bytes = await File.ReadAllBytesAsync(_kit.File("long.webm"), Token);
        var duration = bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x44, 0x89, 0x88]) + 3; // Segment, Info, Duration: a double, in milliseconds
        BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(duration), 2000);
        await File.WriteAllBytesAsync(_kit.File("long.webm"), bytes, Token);
        var facts = await FactsAsync(_kit.File("long.webm"));

        facts.Duration.TotalSeconds.ShouldBe(2);
        var outcome = await _kit.Packager.PackageAsync(Request(_kit.File("long.webm"), facts), (_, _) => Task.CompletedTask, _ => { }, Token);
        outcome.Problem!.Code.ShouldBe(MediaProblems.ClipUnreadable);
        outcome.Problem.Detail.ShouldContain("goes on");
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
