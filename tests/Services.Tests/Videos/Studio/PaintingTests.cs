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
