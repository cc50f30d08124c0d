using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Services.Tests.Videos.Media;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Providers.Studio;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Studio;

public sealed class StudioRendererTests : IDisposable
{
    private readonly MediaKit _kit = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _kit.Dispose();

    [Fact]
    public async Task A_prompt_becomes_a_clip_that_our_own_probe_takes()
    {
        var progress = new List<double>();

        await RenderAsync(Request("the sea at sunset", seconds: 2), progress.Add);

        var facts = (await _kit.Probe.InspectAsync(_kit.File("out.mp4"), new MediaLimits(), Token)).Value;
        (facts.Width, facts.Height, facts.VideoCodec, facts.PixelFormat, facts.HasAudio, facts.FrameRate).ShouldBe((320, 180, "h264", "yuv420p", true, 30));
        facts.Duration.TotalSeconds.ShouldBe(2, 0.05);
        progress.ShouldBe(progress.Order());
        (progress.Count, progress[^1]).ShouldBe((60, 1));
        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_same_request_gives_the_same_bytes_whatever_the_number_of_painters()
    {
        await RenderAsync(Request("city", seconds: 1), _ => { }, painters: 1);
        var first = await File.ReadAllBytesAsync(_kit.File("out.mp4"), Token);

        await RenderAsync(Request("city", seconds: 1), _ => { }, painters: 5);

        (await File.ReadAllBytesAsync(_kit.File("out.mp4"), Token)).ShouldBe(first);
    }

    [Fact]
    public async Task A_clip_has_a_key_frame_where_packaging_cuts()
    {
        await RenderAsync(Request("forest", seconds: 5), _ => { });

        var keys = MediaKit.Run("ffprobe", "-select_streams", "v", "-skip_frame", "nokey", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", _kit.File("out.mp4"));

        keys.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line.Trim(','))).ShouldBe([0, 2, 4]);
    }

    [Fact]
    public async Task A_rendered_clip_is_packaged_without_coding_its_pictures_again()
    {
        await RenderAsync(Request("aurora", seconds: 2) with { Width = 640, Height = 480 }, _ => { });
        var facts = (await _kit.Probe.InspectAsync(_kit.File("out.mp4"), new MediaLimits(), Token)).Value;

        var manifest = (await _kit.Packager.PackageAsync(
            new PackageRequest { SourcePath = _kit.File("out.mp4"), Facts = facts, KeyPrefix = "clips/1", SourceIsOurs = true },
            (_, _) => Task.CompletedTask, _ => { }, Token)).Value;

        string Pictures(string path) => MediaKit.Run("ffmpeg", "-i", path, "-map", "0:v", "-f", "framemd5", "-");
        Pictures(Path.Combine(await _kit.ExportAsync(Token), manifest.Mp4.Key)).ShouldBe(Pictures(_kit.File("out.mp4")));
    }

    [Fact]
    public async Task A_given_picture_opens_the_clip()
    {
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", "smptebars=s=640x360", "-frames:v", "1", "-update", "1", _kit.File("given.png"));
        var checkedImage = (await new ReferenceImageChecker(_kit.Ffmpeg).CheckAsync(await File.ReadAllBytesAsync(_kit.File("given.png"), Token), "image/png", _kit.Folder, Token)).Value;

        await RenderAsync(Request("meadow", seconds: 2) with { ReferencePath = checkedImage.Path }, _ => { });

        (await LikenessAsync("eq(n,0)")).ShouldBeGreaterThan(24);
        (await LikenessAsync("eq(n,50)")).ShouldBeLessThan(18);

        async Task<double> LikenessAsync(string frame)
        {
            MediaKit.Run("ffmpeg", "-i", _kit.File("out.mp4"), "-vf", $"select='{frame}'", "-frames:v", "1", "-update", "1", _kit.File("shown.png"));
            var log = _kit.File("psnr.log");
            MediaKit.Run("ffmpeg", "-i", _kit.File("shown.png"), "-i", _kit.File("given.png"), "-filter_complex", $"[1]scale=320:180[b];[0][b]psnr=stats_file={log}", "-f", "null", "-");
            var text = await File.ReadAllTextAsync(log, Token);
            return double.Parse(text.Split("psnr_avg:")[1].Split(' ')[0]);
        }
    }

    [Fact]
    public async Task A_cancelled_clip_leaves_no_file_no_scratch_and_no_process()
    {
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Token);

        await Should.ThrowAsync<OperationCanceledException>(() => new StudioRenderer(_kit.Ffmpeg, Entropy.System)
            .RenderAsync(Request("sea", seconds: 20), share => { if (share > 0.02) cancelled.Cancel(); }, cancelled.Token));

        File.Exists(_kit.File("out.mp4")).ShouldBeFalse();
        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(0, 320, 180)]
    [InlineData(21, 320, 180)]
    [InlineData(4, 321, 180)]
    [InlineData(4, 320, 126)]
    [InlineData(4, 1922, 1080)]
    public async Task What_cannot_be_rendered_is_a_callers_bug(int seconds, int width, int height) =>
        await Should.ThrowAsync<ArgumentException>(() => RenderAsync(Request("sea", seconds) with { Width = width, Height = height }, _ => { }));

    private StudioRequest Request(string prompt, int seconds) =>
        new() { Prompt = prompt, Seed = 11, Seconds = seconds, Width = 320, Height = 180, OutputPath = _kit.File("out.mp4") };

    private Task RenderAsync(StudioRequest request, Action<double> progress, int painters = 3) =>
        new StudioRenderer(_kit.Ffmpeg, Entropy.System) { PaintersMax = painters }.RenderAsync(request, progress, Token);
}
