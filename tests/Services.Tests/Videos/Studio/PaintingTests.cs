using System.Numerics;
using Shouldly;
using SkyRiff.Videos.Providers.Studio;
using SkyRiff.Videos.Providers.Studio.Painting;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Studio;

public sealed class PaintingTests
{
    [Fact]
    public void Noise_is_bounded_has_no_leaning_and_is_continuous()
    {
        var values = Enumerable.Range(0, 20_000).Select(i => Noise.At((i % 141) * 0.37f - 20, (i / 141) * 0.41f - 20, 5)).ToList();

        values.ShouldAllBe(value => value > -1.6f && value < 1.6f);
        values.Average().ShouldBe(0, 0.05);
        values.Max().ShouldBeGreaterThan(0.6f);
        Math.Abs(Noise.At(3.0001f, 2, 1) - Noise.At(2.9999f, 2, 1)).ShouldBeLessThan(0.001f);
    }

    [Fact]
    public void Every_lane_gives_what_one_point_gives()
    {
        var x = Maths.Lanes * 0.73f - new Vector<float>(2.1f);
        var many = Noise.Fbm(x, new Vector<float>(0.4f), 5, 12);

        for (var lane = 0; lane < Maths.LaneCount; lane++) many[lane].ShouldBe(Noise.Fbm(x[lane], 0.4f, 5, 12));
    }

    [Fact]
    public void Dice_follow_from_their_seed_on_any_machine()
    {
        var dice = new Dice(42);

        // From the reference implementation of SplitMix64.
        dice.Next().ShouldBe(0xBDD732262FEB6E95UL);
        dice.Next().ShouldBe(0x28EFE333B266F103UL);
    }

    [Fact]
    public void A_rectangle_covers_the_share_of_each_pixel_that_it_covers()
    {
        var frame = new Frame(16, 4);

        frame.Rectangle(1.25f, 1, 3.5f, 2, Vector3.One);

        Enumerable.Range(0, 5).Select(x => frame.R[frame.Stride + x]).ShouldBe([0, 0.75f, 1, 0.5f, 0]);
        frame.R.Take(frame.Stride).ShouldAllBe(value => value == 0);
    }

    [Fact]
    public void A_flat_small_frame_is_stretched_flat()
    {
        var frame = new Frame(100, 60);
        var small = frame.Smaller(4);
        Array.Fill(small.G, 0.5f);

        frame.Stretch(small);

        for (var y = 0; y < 60; y++)
            for (var x = 0; x < 100; x++) frame.G[(y * frame.Stride) + x].ShouldBe(0.5f);
    }

    [Theory]
    [InlineData(64, 32, 2)]
    [InlineData(64, 32, 4)]
    [InlineData(64, 32, 8)]
    [InlineData(65, 35, 5)]
    [InlineData(102, 182, 4)] // not a multiple: the small frame is a little larger than a fourth
    public void A_stretched_plane_blends_the_four_small_pixels_around_each_pixel(int width, int height, int divisor)
    {
        var frame = new Frame(width, height);
        var small = frame.Smaller(divisor);
        for (var y = 0; y < small.Height; y++)
            for (var x = 0; x < small.Width; x++) small.G[(y * small.Stride) + x] = Noise.Hash(x, y, 3);

        frame.Stretch(small);

        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++) frame.G[(y * frame.Stride) + x].ShouldBe(Between(x, y), 0.002f, $"{x}, {y}");

        float Between(int x, int y)
        {
            var (sx, sy) = (Math.Clamp(((x + 0.5f) * small.Width / width) - 0.5f, 0, small.Width - 1), Math.Clamp(((y + 0.5f) * small.Height / height) - 0.5f, 0, small.Height - 1));
            float At(int column, int row) => small.G[(Math.Min(row, small.Height - 1) * small.Stride) + Math.Min(column, small.Width - 1)];
            float Row(int row) => Maths.Lerp(At((int)sx, row), At((int)sx + 1, row), sx - (int)sx);
            return Maths.Lerp(Row((int)sy), Row((int)sy + 1), sy - (int)sy);
        }
    }

    [Fact]
    public void What_is_painted_over_the_right_edge_does_not_come_in_at_the_left()
    {
        var frame = new Frame(32, 8);

        frame.Glow(31, 4, 6, Vector3.One);
        frame.Disc(31, 4, 3, Vector3.One);
        frame.Rectangle(28.5f, 1, 40, 7, Vector3.One);

        for (var y = 0; y < 8; y++)
            for (var x = 0; x < 25; x++) frame.R[(y * frame.Stride) + x].ShouldBe(0);
        frame.R[(4 * frame.Stride) + 31].ShouldBeGreaterThanOrEqualTo(1);
    }

    [Fact]
    public void Spread_points_stay_at_the_even_places_with_their_means_between_them()
    {
        var row = Enumerable.Range(0, 128).Select(x => Noise.Hash(x, 1, 2)).ToArray();
        var before = row.ToArray();

        Maths.Spread(row, 64);

        for (var x = 0; x < 32; x++) (row[2 * x], row[(2 * x) + 1]).ShouldBe((before[x], (before[x] + before[x + 1]) * 0.5f));
    }

    [Fact]
    public void The_film_shows_light_by_the_published_curves()
    {
        foreach (var light in new[] { 0.001f, 0.01f, 0.05f, 0.18f, 0.5f, 1, 2, 6, 12 })
        {
            var frame = new Frame(16, 2);
            foreach (var plane in new[] { frame.R, frame.G, frame.B }) Array.Fill(plane, light);
            var picture = new byte[Develop.LengthOf(16, 2)];

            Develop.ToPicture(frame, new Look { Grain = 0, Vignette = 0 }, 1, 0, picture);

            // Narkowicz's fit of ACES, then the usual three roots for sRGB's gamma.
            var x = light * 0.72;
            var aces = Math.Clamp(x * ((2.51 * x) + 0.03) / ((x * ((2.43 * x) + 0.59)) + 0.14), 0, 1);
            var shown = Math.Clamp((0.585122381 * Math.Pow(aces, 0.5)) + (0.783140355 * Math.Pow(aces, 0.25)) - (0.368262736 * Math.Pow(aces, 0.125)), 0, 1);
            ((double)picture[0]).ShouldBe(16 + (219 * shown), 0.6, $"light {light}");
        }
    }

    [Fact]
    public void Developed_black_and_white_are_videos_black_and_white()
    {
        var frame = new Frame(16, 2);
        var picture = new byte[Develop.LengthOf(16, 2)];
        Array.Fill(frame.R, 50f, 0, 8);
        Array.Fill(frame.G, 50f, 0, 8);
        Array.Fill(frame.B, 50f, 0, 8);

        Develop.ToPicture(frame, new Look { Grain = 0, Vignette = 0 }, 1, 0, picture);

        picture[0].ShouldBeInRange((byte)233, (byte)235);
        picture[12].ShouldBe((byte)16);
        picture.Skip(32).ShouldAllBe(chroma => chroma == 128);
    }

    [Fact]
    public void What_is_shown_can_be_turned_back_into_light()
    {
        foreach (var shown in new[] { 0.05f, 0.3f, 0.7f, 0.95f })
        {
            var frame = new Frame(16, 2);
            foreach (var plane in new[] { frame.R, frame.G, frame.B }) Array.Fill(plane, Develop.LightOf(shown));
            var picture = new byte[Develop.LengthOf(16, 2)];

            Develop.ToPicture(frame, new Look { Grain = 0, Vignette = 0 }, 1, 0, picture);

            ((picture[0] - 16) / 219.0).ShouldBe(shown, 0.006);
        }
    }

    [Fact]
    public void Letters_have_outlines_and_unknown_ones_have_none()
    {
        if (Typeface.ForTitles is not { } face) { Assert.Skip("The title's font is not installed."); return; }

        face.OutlineOf(face.GlyphOf('l')).Count.ShouldBe(1);
        face.OutlineOf(face.GlyphOf('O')).Count.ShouldBe(2);
        face.OutlineOf(face.GlyphOf('é')).Count.ShouldBe(3); // a letter put together from two
        face.OutlineOf(face.GlyphOf(' ')).ShouldBeEmpty();
        face.GlyphOf('夜').ShouldBe(0);
        face.AdvanceOf(face.GlyphOf('W')).ShouldBeGreaterThan(face.AdvanceOf(face.GlyphOf('i')));
    }
}
