using System.Net;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class MediaProbeTests : IDisposable
{
    private static readonly MediaLimits Limits = new();
    private readonly MediaKit _kit = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _kit.Dispose();

    [Fact]
    public async Task A_real_clip_is_described()
    {
        var facts = (await _kit.Probe.InspectAsync(_kit.Clip("clip.mp4", 320, 180), Limits, Token)).Value;

        (facts.Container, facts.Width, facts.Height, facts.VideoCodec, facts.PixelFormat, facts.HasAudio)
            .ShouldBe((ClipContainer.Mov, 320, 180, "h264", "yuv420p", true));
        facts.Duration.TotalSeconds.ShouldBe(2, 0.1);
        facts.FrameRate.ShouldBe(25, 0.01);
    }

    [Fact]
    public async Task A_webm_without_sound_is_described()
    {
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=160x96:d=1:r=10", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", _kit.File("clip.webm"));

        var facts = (await _kit.Probe.InspectAsync(_kit.File("clip.webm"), Limits, Token)).Value;

        (facts.Container, facts.VideoCodec, facts.HasAudio).ShouldBe((ClipContainer.Matroska, "vp9", false));
        facts.Duration.TotalSeconds.ShouldBe(1, 0.15);
    }

    [Fact]
    public async Task A_turned_clip_has_the_size_that_is_shown()
    {
        _kit.Clip("flat.mp4", 320, 180, 1);
        MediaKit.Run("ffmpeg", "-i", _kit.File("flat.mp4"), "-c", "copy", "-metadata:s:v", "rotate=90", _kit.File("turned.mp4"));

        var facts = (await _kit.Probe.InspectAsync(_kit.File("turned.mp4"), Limits, Token)).Value;

        (facts.Width, facts.Height).ShouldBe((180, 320));
    }

    [Fact]
    public async Task Nothing_is_told_from_garbage()
    {
        (await RefusalAsync("empty.mp4", [])).ShouldBe(MediaProblems.ClipEmpty);
        (await RefusalAsync("text.mp4", "Hello, I am a text file with a promising name.\n"u8.ToArray())).ShouldBe(MediaProblems.ClipNotVideo);
        (await RefusalAsync("short.mp4", [0, 0, 0])).ShouldBe(MediaProblems.ClipNotVideo);
        (await RefusalAsync("html.mp4", "<!doctype html><title>502</title>"u8.ToArray())).ShouldBe(MediaProblems.ClipNotVideo);
        (await RefusalAsync("noise.mp4", [0, 0, 0, 24, .. "ftypisom"u8, .. Enumerable.Range(0, 5000).Select(i => (byte)(i * 31))])).ShouldBe(MediaProblems.ClipUnreadable);
    }

    [Fact]
    public async Task A_clip_cut_off_before_its_index_is_damaged()
    {
        var whole = await File.ReadAllBytesAsync(_kit.Clip("whole.mp4", 320, 180), Token);

        (await RefusalAsync("half.mp4", whole[..(whole.Length / 2)])).ShouldBe(MediaProblems.ClipUnreadable);
    }

    [Fact]
    public async Task A_playlist_in_a_clips_clothes_reaches_no_network()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/secret";
        var playlist = $"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n";
        var concat = $"ffconcat version 1.0\nfile '{address}'\n";

        (await RefusalAsync("playlist.mp4", Encoding.UTF8.GetBytes(playlist))).ShouldBe(MediaProblems.ClipNotVideo);
        (await RefusalAsync("concat.mp4", Encoding.UTF8.GetBytes(concat))).ShouldBe(MediaProblems.ClipNotVideo);
        // With an MP4's first bytes in front, it is forced through the MP4 demuxer, which follows nothing.
        (await RefusalAsync("dressed.mp4", [0, 0, 0, 16, .. "ftypisom0000"u8, .. Encoding.UTF8.GetBytes(playlist)])).ShouldBe(MediaProblems.ClipUnreadable);

        listener.Pending().ShouldBeFalse("something connected to the address in the file");
    }

    [Fact]
    public async Task Sound_alone_is_no_clip()
    {
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", _kit.File("sound.mp4"));

        (await _kit.Probe.InspectAsync(_kit.File("sound.mp4"), Limits, Token)).Problem!.Code.ShouldBe(MediaProblems.ClipNoPicture);
    }

    [Fact]
    public async Task Bounds_hold_for_bytes_length_and_size()
    {
        var path = _kit.Clip("clip.mp4", 320, 180);

        (await CodeAsync(path, Limits with { LengthMax = new FileInfo(path).Length - 1 })).ShouldBe(MediaProblems.ClipTooLarge);
        (await CodeAsync(path, Limits with { DurationMax = TimeSpan.FromSeconds(1.5) })).ShouldBe(MediaProblems.ClipDuration);
        (await CodeAsync(path, Limits with { DurationMin = TimeSpan.FromSeconds(3) })).ShouldBe(MediaProblems.ClipDuration);
        (await CodeAsync(path, Limits with { SideMax = 319 })).ShouldBe(MediaProblems.ClipDimensions);
        (await CodeAsync(path, Limits with { SideMin = 181 })).ShouldBe(MediaProblems.ClipDimensions);
        (await CodeAsync(path, Limits with { LengthMax = new FileInfo(path).Length, SideMax = 320, SideMin = 180 })).ShouldBeNull();
    }

    [Theory]
    [InlineData("""{"streams":[{"codec_type":"video","codec_name":"h264","width":60000,"height":60000,"duration":"2"}]}""", "videos.clip_dimensions")]
    [InlineData("""{"streams":[{"codec_type":"video","codec_name":"h264","width":640,"height":360,"duration":"1e9"}]}""", "videos.clip_duration")]
    [InlineData("""{"streams":[{"codec_type":"video","codec_name":"h264","width":640,"height":360,"duration":"N/A"}]}""", "videos.clip_duration")]
    [InlineData("""{"streams":[{"codec_type":"video","codec_name":"rawvideo","width":640,"height":360,"duration":"2"}]}""", "videos.clip_codec")]
    [InlineData("""{"streams":[{"codec_type":"video","codec_name":"png","width":640,"height":360,"disposition":{"attached_pic":1}}]}""", "videos.clip_no_picture")]
    [InlineData("""{"streams":[]}""", "videos.clip_no_picture")]
    [InlineData("""{}""", "videos.clip_unreadable")]
    [InlineData("""{"streams":[{},{},{},{},{},{},{},{},{}]}""", "videos.clip_unreadable")]
    [InlineData("""{"streams":[""", "videos.clip_unreadable")]
    [InlineData("", "videos.clip_unreadable")]
    public void Any_reply_of_the_prober_gets_a_verdict(string reply, string code) =>
        MediaProbe.Judge(Encoding.UTF8.GetBytes(reply), ClipContainer.Mov, Limits).Problem!.Code.Code.ShouldBe(code);

    [Fact]
    public async Task The_prober_is_gone_when_its_caller_is()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => _kit.Probe.InspectAsync(_kit.Clip("clip.mp4", 128, 96, 1), Limits, cancelled.Token));
    }

    private async Task<ProblemCode> RefusalAsync(string name, byte[] content)
    {
        await File.WriteAllBytesAsync(_kit.File(name), content, Token);
        return (await _kit.Probe.InspectAsync(_kit.File(name), Limits, Token)).Problem!.Code;
    }

    private async Task<ProblemCode?> CodeAsync(string path, MediaLimits limits) => (await _kit.Probe.InspectAsync(path, limits, Token)).Problem?.Code;
}
