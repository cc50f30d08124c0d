using System.Security.Cryptography;
using System.Text;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>
/// Everything that is decided about a clip before a pixel is painted; pure, so that the same prompt and seed are the same clip for ever.
/// The first place a prompt names is what the clip shows; "turns into" and its like make it become another.
/// </summary>
internal sealed record SceneScript
{
    private const int WordsMax = 200;
    private const int TitleLengthMax = 60;

    public required Style Style { get; init; }

    /// <summary>What the clip turns into half-way, when the prompt says so.</summary>
    public Style? Then { get; init; }

    public required Mood Mood { get; init; }

    public required Weather Weather { get; init; }

    public required Palette Palette { get; init; }

    /// <summary>Seeds everything that is random in the picture and the sound.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The prompt's beginning as shown in the picture; empty when nothing of it can be shown.</summary>
    public required string Title { get; init; }

    /// <summary>0 the sky is the scene's own affair, 1 it is hung with clouds from end to end.</summary>
    public float Overcast => Weather switch { Weather.Storm => 1, Weather.Rain => 0.9f, Weather.Snow => 0.6f, _ => Mood == Mood.Storm ? 0.9f : 0 };

    /// <summary>-1 the camera goes left, 1 right.</summary>
    public required float Drift { get; init; }

    public required IReadOnlyList<string> Words { get; init; }

    public static SceneScript Of(string prompt, long seed)
    {
        var words = Vocabulary.WordsOf(prompt, WordsMax);
        var hash = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(' ', words))));
        var mixed = hash ^ unchecked((ulong)seed * 0x9E3779B97F4A7C15);
        var dice = new Dice(mixed);

        var weather = words.Select(Vocabulary.WeatherOf).OfType<Weather>().FirstOrDefault();
        var turn = words.FindIndex(Vocabulary.IsTurn);
        var first = StyleIn(turn < 0 ? words : words[..turn]);
        var second = turn < 0 ? null : StyleIn(words[turn..]);
        var style = first ?? second ?? Unnamed(hash);
        var moods = words.Select(Vocabulary.MoodOf).OfType<Mood>().OrderBy(Weight).ToList(); // a stable sort: of equals the first named
        var mood = moods.Count > 0 ? moods[0] : UsualMood(style, weather, dice);

        return new SceneScript
        {
            Style = style,
            Then = first is null || second == first ? null : second,
            Mood = mood,
            Weather = weather != Weather.None ? weather : UsualWeather(style, mood),
            Palette = Suit(Palette.Of(mood).Turned(mood == Mood.Noir ? 0 : dice.Between(-9, 9)), style, weather),
            Seed = mixed,
            Title = TitleOf(prompt),
            Drift = dice.Chance(0.5f) ? -1 : 1,
            Words = words,
        };
    }

    public bool Mentions(params ReadOnlySpan<string> any)
    {
        foreach (var word in Words)
            if (any.Contains(word) || (word.EndsWith('s') && any.Contains(word[..^1]))) return true;
        return false;
    }

    /// <summary>The place that the words name: the first that names one, rather than one that merely visits it. Rain over a named place is that place in the rain.</summary>
    private static Style? StyleIn(IReadOnlyList<string> words)
    {
        var named = words.Select(word => (Style: Vocabulary.StyleOf(word), Guest: Vocabulary.IsGuest(word) || Vocabulary.StyleOf(word) == Style.Rain))
            .Where(found => found.Style is not null)
            .ToList();
        // Under water is in the sea already.
        if (named.Exists(found => found.Style == Style.Underwater)) named.RemoveAll(found => found.Style == Style.Sea);
        return named.Find(found => !found.Guest).Style ?? named.FirstOrDefault().Style;
    }

    /// <summary>A look outranks a time of day, and that outranks a feeling: "a quiet lake at dawn" is at dawn, a "neon night" is neon.</summary>
    private static int Weight(Mood mood) => mood switch
    {
        Mood.Noir or Mood.Neon or Mood.Storm => 0,
        Mood.Dream or Mood.Pastel or Mood.Ice => 2,
        _ => 1,
    };

    /// <summary>A prompt that names nothing we know still gets a scene of its own: the one its words hash to.</summary>
    private static Style Unnamed(ulong hash) => new Dice(hash).Of(Style.Abstract, Style.Clouds, Style.Sea, Style.Mountain, Style.Space, Style.Aurora, Style.Meadow);

    private static Mood UsualMood(Style style, Weather weather, Dice dice) => (style, weather) switch
    {
        (_, Weather.Storm) or (Style.Rain, _) => Mood.Storm,
        (_, Weather.Rain) => dice.Of(Mood.Dusk, Mood.Night, Mood.Storm),
        (_, Weather.Snow) => dice.Of(Mood.Ice, Mood.Dusk),
        (Style.City, _) => dice.Of(Mood.Night, Mood.Dusk, Mood.Neon, Mood.Sunset),
        (Style.Fire, _) => Mood.Night,
        (Style.Space, _) => dice.Of(Mood.Night, Mood.Dream, Mood.Neon),
        (Style.Aurora, _) => Mood.Night,
        (Style.Sea, _) => dice.Of(Mood.Sunset, Mood.Golden, Mood.Day, Mood.Dusk),
        (Style.Forest, _) => dice.Of(Mood.Dawn, Mood.Golden, Mood.Day),
        (Style.Mountain, _) => dice.Of(Mood.Day, Mood.Dawn, Mood.Golden, Mood.Ice),
        (Style.Desert, _) => dice.Of(Mood.Golden, Mood.Sunset, Mood.Day),
        (Style.Underwater, _) => Mood.Day,
        (Style.Meadow, _) => dice.Of(Mood.Golden, Mood.Day, Mood.Sunset, Mood.Pastel),
        (Style.Clouds, _) => dice.Of(Mood.Golden, Mood.Pastel, Mood.Sunset, Mood.Dream),
        _ => dice.Of(Mood.Dream, Mood.Neon, Mood.Sunset),
    };

    private static Weather UsualWeather(Style style, Mood mood) => style switch
    {
        Style.Rain => Weather.Storm,
        Style.Fire => Weather.Embers,
        Style.Desert => Weather.Dust,
        Style.Forest when mood is Mood.Night or Mood.Dusk or Mood.Dream => Weather.Fireflies,
        Style.Forest => Weather.Dust,
        Style.Meadow => Weather.Petals,
        _ => Weather.None,
    };

    private static Palette Suit(Palette palette, Style style, Weather weather) => style switch
    {
        Style.Fire or Style.Aurora => palette with { Stars = Math.Max(palette.Stars, 0.6f) },
        Style.Rain => palette with { Stars = 0 },
        _ when weather is Weather.Rain or Weather.Storm => palette with
        {
            Stars = 0,
            Sun = palette.Sun * 0.4f,
            Horizon = System.Numerics.Vector3.Lerp(palette.Horizon, palette.Fog, 0.5f) * 0.7f,
            Middle = palette.Middle * 0.7f,
            Look = palette.Look with { Saturation = palette.Look.Saturation * 0.85f, Vignette = 0.5f },
        },
        _ => palette,
    };

    /// <summary>The prompt's first words, cut between words; control and unprintable characters never reach the picture.</summary>
    private static string TitleOf(string prompt)
    {
        var plain = new StringBuilder();
        foreach (var letter in prompt)
        {
            if (char.IsControl(letter) || char.IsWhiteSpace(letter)) plain.Append(plain.Length > 0 && plain[^1] != ' ' ? " " : "");
            else if (!char.IsSurrogate(letter)) plain.Append(letter);
            if (plain.Length > TitleLengthMax * 2) break;
        }

        var text = plain.ToString().Trim();
        var sentence = text.IndexOfAny(['.', '!', '?', ';']);
        if (sentence is >= 8 and <= TitleLengthMax) text = text[..sentence];
        if (text.Length <= TitleLengthMax) return text.TrimEnd('.', ',', ';', ':');
        var cut = text.LastIndexOf(' ', TitleLengthMax);
        return text[..(cut > TitleLengthMax / 2 ? cut : TitleLengthMax)].TrimEnd('.', ',', ';', ':', ' ') + "\u2026";
    }
}
