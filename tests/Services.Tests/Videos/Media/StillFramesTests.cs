using Shouldly;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class StillFramesTests
{
    [Fact]
    public void A_rich_frame_wins_over_black_white_and_flat_ones() =>
        StillFrames.Best([.. Flat(0), .. Flat(255), .. Flat(128), .. Checkered(20, 200), .. Flat(60)]).ShouldBe(3);

    [Fact]
    public void A_dark_frame_with_noise_does_not_win_over_a_plain_picture() =>
        StillFrames.Best([.. Checkered(0, 20), .. Flat(120), .. Checkered(100, 130)]).ShouldBe(2);

    [Fact]
    public void Of_equal_frames_one_before_the_middle_wins() =>
        StillFrames.Best([.. Enumerable.Range(0, 10).SelectMany(_ => Checkered(40, 160))]).ShouldBe(4);

    [Fact]
    public void Without_frames_the_first_is_the_answer() => StillFrames.Best([]).ShouldBe(0);

    private static byte[] Flat(byte value) => Enumerable.Repeat(value, StillFrames.Bytes).ToArray();

    private static byte[] Checkered(byte low, byte high) => Enumerable.Range(0, StillFrames.Bytes).Select(i => (i / 4) % 2 == 0 ? low : high).ToArray();
}
