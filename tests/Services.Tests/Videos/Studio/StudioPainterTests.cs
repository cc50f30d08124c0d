using System.Security.Cryptography;
using Shouldly;
using SkyRiff.Videos.Providers.Studio;
using SkyRiff.Videos.Providers.Studio.Painting;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Studio;

public sealed class StudioPainterTests
{
    public static TheoryData<string> Prompts =>
    [
        "sea", "campfire", "inferno", "city", "neon city", "planet", "galaxy", "forest", "mountain", "desert", "thunderstorm", "aurora", "reef", "glowing jellyfish", "meadow",
        "clouds", "abstract", "snow on a mountain", "sea turns into city",
    ];

    [Theory]
    [MemberData(nameof(Prompts))]
    public void Every_scene_shows_something_and_moves_in_every_shape(string prompt)
    {
        foreach (var (width, height) in new[] { (192, 108), (102, 182) })
        {
            var painter = new StudioPainter(SceneScript.Of(prompt, 5), width, height, 2, null);
            var frame = new Frame(width, height);
            var (early, late) = (Paint(painter, frame, 15), Paint(painter, frame, 40));

            var luma = early.AsSpan(0, width * height).ToArray();
            luma.Max().ShouldBeGreaterThan((byte)90, prompt);
            luma.Distinct().Count().ShouldBeGreaterThan(40, prompt);
            luma.Zip(late, (one, other) => Math.Abs(one - other)).Average().ShouldBeGreaterThan(0.4, $"{prompt} stands still");
        }
    }

    [Theory]
    [MemberData(nameof(Prompts))]
    public void A_frame_depends_on_its_number_alone(string prompt)
    {
        var script = SceneScript.Of(prompt, 9);
        var (one, other) = (new StudioPainter(script, 192, 108, 2, null), new StudioPainter(script, 192, 108, 2, null));
        var (frame, used) = (new Frame(192, 108), new Frame(192, 108));

        // On a fresh canvas, and on one that just held other moments.
        var fresh = Paint(one, frame, 31);
        Paint(other, used, 3);
        Paint(other, used, 59);
        Paint(other, used, 31).ShouldBe(fresh);
    }

    [Fact]
    public void Another_seed_is_another_picture()
    {
        var frame = new Frame(192, 108);
        var hashes = Enumerable.Range(0, 6)
            .Select(seed => Convert.ToHexString(SHA256.HashData(Paint(new StudioPainter(SceneScript.Of("sea at sunset", seed), 192, 108, 2, null), frame, 20))));

        hashes.Distinct().Count().ShouldBe(6);
    }

    [Fact]
    public void A_clip_fades_in_and_out()
    {
        var painter = new StudioPainter(SceneScript.Of("sunny beach at noon", 1), 192, 108, 2, null);
        var frame = new Frame(192, 108);
        double Brightness(int index) => Paint(painter, frame, index).Take(192 * 108).Average(value => value);

        Brightness(0).ShouldBeLessThan(Brightness(30) * 0.8);
        Brightness(painter.FrameCount - 1).ShouldBeLessThan(40);
        painter.FrameCount.ShouldBe(2 * StudioPainter.FramesPerSecond);
    }

    [Fact]
    public void The_title_is_shown_once_the_clip_runs_and_only_where_the_font_knows_its_letters()
    {
        if (Typeface.ForTitles is null) Assert.Skip("The title's font is not installed.");
        var script = SceneScript.Of("dark night sky", 1);

        var with = At(script with { Title = "Hello" }, 45);
        with.ShouldNotBe(At(script with { Title = "" }, 45));
        At(script with { Title = "Hello" }, 2).ShouldBe(At(script with { Title = "" }, 2));
        At(script with { Title = "夜の空" }, 45).ShouldBe(At(script with { Title = "" }, 45));

        static byte[] At(SceneScript script, int index) => Paint(new StudioPainter(script, 320, 180, 4, null), new Frame(320, 180), index);
    }

    [Fact]
    public void A_given_picture_is_the_first_frame_and_not_the_last()
    {
        var (width, height) = (192, 108);
        var rgb = new byte[width * height * 3];
        for (var i = 0; i < rgb.Length; i++) rgb[i] = (byte)(((i / 3 % width) + (i % 3 * 40)) % 200 + 20);
        var script = SceneScript.Of("a forest", 4);
        var painter = new StudioPainter(script, width, height, 4, ReferencePicture.Of(rgb, width, height, script.Palette.Look));
        var frame = new Frame(width, height);

        LumaError(Paint(painter, frame, 0)).ShouldBeLessThan(3);
        LumaError(Paint(painter, frame, 90)).ShouldBeGreaterThan(15);

        double LumaError(byte[] picture)
        {
            double sum = 0;
            for (var i = 0; i < width * height; i++)
                sum += Math.Abs(picture[i] - (16 + (219 / 255.0 * ((0.2126 * rgb[i * 3]) + (0.7152 * rgb[(i * 3) + 1]) + (0.0722 * rgb[(i * 3) + 2])))));
            return sum / (width * height);
        }
    }

    private static byte[] Paint(StudioPainter painter, Frame frame, int index)
    {
        var picture = new byte[painter.PictureLength];
        painter.Paint(index, frame, picture);
        return picture;
    }
}
