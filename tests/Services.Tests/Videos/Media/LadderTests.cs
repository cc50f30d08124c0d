using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class LadderTests
{
    [Theory]
    [InlineData(1280, 720, "360p 640x360, 720p 1280x720")]
    [InlineData(720, 1280, "360p 360x640, 720p 720x1280")]
    [InlineData(1920, 1080, "360p 640x360, 720p 1280x720")]
    [InlineData(1024, 1024, "360p 360x360, 720p 720x720")]
    [InlineData(640, 360, "360p 640x360")]
    [InlineData(640, 480, "360p 480x360, 480p 640x480")]
    [InlineData(479, 600, "360p 360x450")]
    [InlineData(320, 240, "240p 320x240")]
    [InlineData(101, 77, "77p 100x76")]
    [InlineData(4096, 480, "360p 2560x300")]
    public void Each_shape_gets_its_rungs(int width, int height, string expected) =>
        string.Join(", ", Ladder.For(width, height).Select(rung => $"{rung.Name} {rung.Width}x{rung.Height}")).ShouldBe(expected);

    [Fact]
    public void No_rung_is_larger_than_the_source_or_odd_or_of_another_shape()
    {
        var sides = Gen.Choose(64, 4096);
        Prop.ForAll(sides.Two().ToArbitrary(), size =>
        {
            var (width, height) = size;
            foreach (var rung in Ladder.For(width, height))
            {
                rung.Width.ShouldBeLessThanOrEqualTo(width);
                rung.Height.ShouldBeLessThanOrEqualTo(height);
                (rung.Width % 2, rung.Height % 2).ShouldBe((0, 0));
                // Rounding to even moves each side by less than two pixels.
                Math.Abs(rung.Height - ((double)rung.Width * height / width)).ShouldBeLessThan(2 + (2.0 * height / width));
            }
        }).QuickCheckThrowOnFailure();
    }
}
