using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Videos.Providers.Studio;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Studio;

public sealed class SceneScriptTests
{
    [Theory]
    [InlineData("Waves rolling onto a beach", "Sea")]
    [InlineData("a crackling campfire", "Fire")]
    [InlineData("Tokyo skyline", "City")]
    [InlineData("galaxies and nebulae", "Space")]
    [InlineData("an old FOREST", "Forest")]
    [InlineData("mountains", "Mountain")]
    [InlineData("sand dunes of the Sahara", "Desert")]
    [InlineData("a thunderstorm", "Rain")]
    [InlineData("the aurora borealis", "Aurora")]
    [InlineData("coral reef", "Underwater")]
    [InlineData("poppies in a meadow", "Meadow")]
    [InlineData("above the clouds", "Clouds")]
    [InlineData("fractal patterns", "Abstract")]
    public void A_word_chooses_what_is_shown(string prompt, string style) => SceneScript.Of(prompt, 1).Style.ToString().ShouldBe(style);

    [Theory]
    [InlineData("a cat in the city", "City")]
    [InlineData("a horse galloping through the desert", "Desert")]
    [InlineData("a fox by the river in a forest", "Forest")]
    [InlineData("a cat", "Meadow")]
    [InlineData("jellyfish in the deep sea", "Underwater")]
    [InlineData("rain over the city", "City")]
    public void A_guest_does_not_choose_the_place(string prompt, string style) => SceneScript.Of(prompt, 1).Style.ToString().ShouldBe(style);

    [Fact]
    public void One_place_becomes_another_only_when_the_prompt_says_so()
    {
        var turning = SceneScript.Of("a city that turns into a forest", 1);
        var both = SceneScript.Of("a city beside a forest", 1);

        (turning.Style, turning.Then).ShouldBe((Style.City, Style.Forest));
        (both.Style, both.Then).ShouldBe((Style.City, null));
        SceneScript.Of("a sea that becomes the ocean", 1).Then.ShouldBeNull();
    }

    [Theory]
    [InlineData("a quiet lake at dawn", "Dawn", "None")]
    [InlineData("neon city at night", "Neon", "None")]
    [InlineData("enchanted forest at night", "Night", "Fireflies")]
    [InlineData("snowy mountains at sunset", "Sunset", "Snow")]
    [InlineData("black and white detective story", "Noir", "None")]
    [InlineData("stormy night on the ocean", "Storm", "Storm")]
    public void Mood_and_weather_are_read_from_the_words(string prompt, string mood, string weather)
    {
        var script = SceneScript.Of(prompt, 1);

        (script.Mood.ToString(), script.Weather.ToString()).ShouldBe((mood, weather));
    }

    [Fact]
    public void The_same_words_and_seed_are_the_same_script_and_another_seed_is_not()
    {
        var script = SceneScript.Of("A quiet harbour, before the storm.", 7);

        SceneScript.Of("a quiet harbour before the storm", 7).Seed.ShouldBe(script.Seed);
        SceneScript.Of("A quiet harbour, before the storm.", 8).Seed.ShouldNotBe(script.Seed);
        SceneScript.Of("A quiet harbour, after the storm.", 7).Seed.ShouldNotBe(script.Seed);
    }

    [Fact]
    public void Words_that_mean_nothing_to_us_still_choose_one_scene_for_ever()
    {
        var styles = Enumerable.Range(0, 40).Select(i => SceneScript.Of($"qwx{(char)('a' + (i % 26))}zz{i / 26}", 1)).Select(script => script.Style).ToList();

        styles.Distinct().Count().ShouldBeGreaterThan(3);
        SceneScript.Of("qwxzz", 1).Style.ShouldBe(SceneScript.Of("qwxzz", 2).Style);
    }

    [Theory]
    [InlineData("A short one.", "A short one")]
    [InlineData("  spaces \t and\nlines\u0000 ", "spaces and lines")]
    [InlineData("One sentence. And a second that is not shown", "One sentence")]
    [InlineData("a very long prompt that goes on and on about everything there is to see", "a very long prompt that goes on and on about everything\u2026")]
    [InlineData("smile 😀 please", "smile please")]
    [InlineData("", "")]
    public void The_title_is_the_prompts_beginning_made_plain(string prompt, string title) => SceneScript.Of(prompt, 1).Title.ShouldBe(title);

    [Fact]
    public void Any_prompt_gets_a_script_with_a_bounded_plain_title() =>
        Prop.ForAll(Gen.Choose(0, 0xFFFF).Select(code => (char)code).ArrayOf().Select(letters => new string(letters)).ToArbitrary(), prompt =>
        {
            var script = SceneScript.Of(prompt, 3);
            return script.Title.Length <= 62 && !script.Title.Any(letter => char.IsControl(letter) || char.IsSurrogate(letter));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_megabyte_of_words_is_read_in_no_time() =>
        SceneScript.Of(string.Concat(Enumerable.Repeat("sea ", 250_000)), 1).Words.Count.ShouldBe(200);
}
