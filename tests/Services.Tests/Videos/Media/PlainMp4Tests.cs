using System.Globalization;
using Shouldly;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

/// <summary>A head that we read ourselves must never say other things than ffprobe does.</summary>
public sealed class PlainMp4Tests : IDisposable
{
    private const string H264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p";
    private const int Rounds = 20_000;
    private const int ComparedMax = 20; // each starts ffprobe
    private static readonly MediaLimits Limits = new();
    private readonly MediaKit _kit = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _kit.Dispose();

    [Theory]
    [InlineData("320x180", 25, 1, true, H264)]
    [InlineData("320x180", 25, 1, false, H264)]
    [InlineData("320x180", 25, 2, true, H264 + " -movflags +faststart")]
    [InlineData("322x186", 30, 1, true, H264 + " -bf 0 -profile:v baseline")]
    [InlineData("180x320", 12, 1, true, H264 + " -profile:v main -bf 3")]
    [InlineData("320x180", 23.976, 3, true, H264)]
    [InlineData("320x180", 59.94, 1, true, H264 + " -video_track_timescale 90000 -movie_timescale 90000")]
    [InlineData("320x180", 25, 1, false, H264 + " -c:v libx264 -x264-params overscan=show:videoformat=pal:colorprim=bt709:transfer=bt709:colormatrix=bt709")]
    [InlineData("320x180", 25, 1, false, H264 + " -color_range tv -colorspace bt709 -color_trc bt709 -color_primaries bt709 -movflags +write_colr")]
    [InlineData("320x180", 25, 3, true, H264 + " -vf select='not(mod(n\\,3))+gt(n\\,30)' -vsync vfr")]
    [InlineData("32x32", 25, 1, false, H264)] // refused, as ffprobe's would be
    [InlineData("320x180", 1, 130, false, H264)]
    public async Task A_plain_clip_is_described_without_ffprobe(string size, double rate, int seconds, bool sound, string coding)
    {
        var path = Make("clip.mp4", size, rate, seconds, sound, coding);

        (await PlainMp4.ReadAsync(path, Token)).ShouldNotBeNull();
        await ShouldBeAsFfprobeSaysAsync(path);
    }

    [Theory]
    [InlineData("mp4", H264 + " -vf setsar=4/3")]
    [InlineData("mp4", H264 + " -metadata:s:v rotate=90")]
    [InlineData("mp4", H264 + " -movflags +frag_keyframe+empty_moov")]
    [InlineData("mp4", H264 + " -tag:v avc3 -strict unofficial")]
    [InlineData("mp4", H264 + " -color_range pc -vf format=yuvj420p")]
    [InlineData("mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv444p")]
    [InlineData("mp4", H264 + " -x264-params interlaced=1")]
    [InlineData("mp4", H264 + " -c:a libmp3lame")]
    [InlineData("mp4", H264 + " -c:a libopus -ar 48000")]
    [InlineData("mp4", H264 + " -timecode 00:00:00:00")]
    [InlineData("mp4", H264 + " -map 0 -map 1 -map 1")]
    [InlineData("mp4", H264 + " -map 0 -map 0 -map 1")]
    [InlineData("mp4", H264 + " -output_ts_offset 1.5")]
    [InlineData("mp4", H264 + " -ss 0.3 -g 10")] // the sound begins a little before the pictures
    [InlineData("mov", H264)]
    [InlineData("mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p")]
    [InlineData("mp4", "-c:v mpeg4")]
    [InlineData("mp4", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p")]
    [InlineData("mp4", "-c:v libsvtav1 -preset 12 -pix_fmt yuv420p")]
    [InlineData("mp4", "-c:v mjpeg")]
    public async Task Of_an_unusual_clip_ffprobe_is_asked(string extension, string coding)
    {
        var path = Make($"clip.{extension}", "320x180", 25, 1, true, coding);
        if (coding.Contains("rotate", StringComparison.Ordinal)) MediaKit.Run("ffmpeg", "-i", path, "-c", "copy", "-metadata:s:v", "rotate=90", path = _kit.File("turned.mp4"));

        (await PlainMp4.ReadAsync(path, Token)).ShouldBeNull();
        await ShouldBeAsFfprobeSaysAsync(path);
    }

    [Fact]
    public async Task A_clip_with_a_cover_picture_is_ffprobes()
    {
        Make("clip.mp4", "320x180", 25, 1, true, H264);
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", _kit.File("cover.png"));
        MediaKit.Run("ffmpeg", "-i", _kit.File("clip.mp4"), "-i", _kit.File("cover.png"), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic", _kit.File("covered.mp4"));

        (await PlainMp4.ReadAsync(_kit.File("covered.mp4"), Token)).ShouldBeNull();
        await ShouldBeAsFfprobeSaysAsync(_kit.File("covered.mp4"));
    }

    [Fact]
    public async Task A_clip_cut_out_of_another_is_as_long_as_its_edit_list_says()
    {
        Make("whole.mp4", "320x180", 25, 3, true, H264 + " -g 50");
        MediaKit.Run("ffmpeg", "-ss", "0.5", "-i", _kit.File("whole.mp4"), "-t", "1.2", "-c", "copy", _kit.File("cut.mp4"));

        (await PlainMp4.ReadAsync(_kit.File("cut.mp4"), Token)).ShouldNotBeNull();
        await ShouldBeAsFfprobeSaysAsync(_kit.File("cut.mp4"));
    }

    [Fact]
    public async Task A_head_cut_at_any_byte_is_not_believed()
    {
        var (moov, data) = await HeadAsync();

        PlainMp4.Read(moov, data).ShouldNotBeNull();
        // Between boxes it is whole again: the pictures' track, then the sound's, then the name of the program that wrote it.
        var (pictures, program) = (MediaKit.Box(moov, "trak"), MediaKit.Box(moov, "udta"));
        int[] whole = [pictures.At + pictures.Length, program.At];
        for (var length = 0; length < moov.Length; length++) (PlainMp4.Read(moov.AsSpan(0, length), data) is null).ShouldBe(!whole.Contains(length), $"cut at {length}");
    }

    [Fact]
    public async Task No_head_makes_the_reader_throw_or_take_much_memory()
    {
        var (moov, data) = await HeadAsync();
        var random = new Random(20_261);
        var believed = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            if (PlainMp4.Read(Mutate(moov, random), data) is not { } said) continue;
            believed++;
            MediaProbe.Judge(said, ClipContainer.Mov, Limits).TryGet(out _, out _);
        }

        believed.ShouldBeInRange(Rounds / 100, Rounds * 9 / 10); // else these would be no interesting heads
        ((GC.GetAllocatedBytesForCurrentThread() - before) / Rounds).ShouldBeLessThan(moov.Length + (32 << 10));
    }

    [Fact]
    public async Task A_damaged_head_that_is_believed_is_what_ffprobe_believes()
    {
        var clip = await File.ReadAllBytesAsync(Make("clip.mp4", "320x180", 25, 1, true, H264), Token);
        var at = MediaKit.Box(clip, "moov").At + 8;
        var (whole, data) = Head(clip);
        var random = new Random(20_262);
        for (var compared = 0; compared < ComparedMax;)
        {
            var moov = Mutate(whole, random);
            if (moov.Length != whole.Length || PlainMp4.Read(moov, data) is null) continue;
            moov.CopyTo(clip, at);
            await File.WriteAllBytesAsync(_kit.File("damaged.mp4"), clip, Token);
            var where = string.Join(", ", Enumerable.Range(0, moov.Length).Where(i => moov[i] != whole[i]).Select(i => $"{i}: {whole[i]} -> {moov[i]}"));
            await ShouldBeAsFfprobeSaysAsync(_kit.File("damaged.mp4"), $"with {where}");
            compared++;
        }
    }

    private static byte[] Mutate(byte[] moov, Random random)
    {
        var changed = moov.ToArray();
        for (var flips = random.Next(1, 4); flips > 0; flips--)
        {
            var at = random.Next(changed.Length);
            switch (random.Next(4))
            {
                case 0:
                    changed[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 2:
                    changed[at] = (byte)(random.Next(2) * 255);
                    break;
                default:
                    var from = random.Next(changed.Length);
                    var count = Math.Min(random.Next(1, 16), changed.Length - Math.Max(at, from));
                    changed.AsSpan(from, count).CopyTo(changed.AsSpan(at));
                    break;
            }
        }

        return random.Next(20) == 0 ? changed[..random.Next(changed.Length)] : changed;
    }

    private async Task<(byte[] Moov, Mp4MediaData Data)> HeadAsync() => Head(await File.ReadAllBytesAsync(Make("clip.mp4", "320x180", 25, 1, true, H264), Token));

    private static (byte[] Moov, Mp4MediaData Data) Head(byte[] clip)
    {
        var (moov, mdat) = (MediaKit.Box(clip, "moov"), MediaKit.Box(clip, "mdat"));
        return (clip[(moov.At + 8)..(moov.At + moov.Length)], new Mp4MediaData(mdat.At + 8, mdat.At + mdat.Length, mdat.Length - 8));
    }

    private async Task ShouldBeAsFfprobeSaysAsync(string path, string? what = null)
    {
        var ours = await _kit.Probe.InspectAsync(path, Limits, Token);
        var theirs = await FfprobeSaysAsync(path);
        ours.Problem?.Code.ShouldBe(theirs.Problem?.Code, what);
        ours.Problem?.Detail.ShouldBe(theirs.Problem?.Detail, what);
        (ours.Problem is null).ShouldBe(theirs.Problem is null, what);
        if (ours.Problem is not null) return;
        var (said, asked) = (ours.Value, theirs.Value);
        (said with { ReadDurationMax = default }).ShouldBe(asked with { ReadDurationMax = default }, what);
        if (what is null) said.ReadDurationMax.ShouldBe(asked.ReadDurationMax, TimeSpan.FromMilliseconds(100)); // a damaged length of the sound may move it
    }

    private async Task<Outcome<MediaFacts>> FfprobeSaysAsync(string path)
    {
        try
        {
            return MediaProbe.Judge(await _kit.Ffmpeg.ProbeAsync(MediaProbe.Question(path, ClipContainer.Mov), Token), ClipContainer.Mov, Limits);
        }
        catch (FfmpegException)
        {
            return MediaProblems.ClipUnreadable.Because("The file cannot be read to its end.");
        }
    }

    private string Make(string name, string size, double rate, int seconds, bool sound, string coding)
    {
        List<string> arguments = ["-f", "lavfi", "-i", string.Create(CultureInfo.InvariantCulture, $"testsrc2=s={size}:d={seconds}:r={(rate is 23.976 ? "24000/1001" : rate is 59.94 ? "60000/1001" : rate)}")];
        if (sound) arguments.AddRange(["-f", "lavfi", "-i", $"sine=d={seconds}"]);
        MediaKit.Run("ffmpeg", [.. arguments, .. coding.Split(' '), _kit.File(name)]);
        return _kit.File(name);
    }
}
