using System.Collections.Frozen;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>Which words of a prompt mean what to the studio. A word counts by its stem: "mountains" and "mountain" are one.</summary>
internal static class Vocabulary
{
    private static readonly FrozenDictionary<string, Style> Styles = Table<Style>(
        (Style.Sea, "sea ocean wave surf beach coast shore bay lagoon tide sailing sail boat ship harbor harbour island lake river water yacht pier lighthouse seaside"),
        (Style.Fire, "fire flame blaze burn inferno campfire bonfire lava volcano magma ember torch candle phoenix dragon hell ignite fireplace"),
        (Style.City, "city town street skyline skyscraper building tokyo york london downtown urban cyberpunk metropolis traffic car taxi rooftop bridge apartment hongkong shanghai cafe bar alley subway train robot"),
        (Style.Space, "space galaxy planet star cosmos cosmic universe nebula orbit astronaut rocket alien asteroid comet moonbase saturn mars jupiter spaceship spacecraft interstellar milky supernova wormhole"),
        (Style.Forest, "forest tree wood woodland jungle pine fir grove bamboo deer fox owl wolf bear fairy elf mushroom rainforest path trail cabin moss"),
        (Style.Mountain, "mountain peak alp summit hill valley cliff canyon ridge himalaya everest glacier climb climber hike highland fjord eagle tundra snowboard ski landscape"),
        (Style.Desert, "desert dune sahara sand camel oasis cactus mirage egypt pyramid nomad arid wasteland savanna caravan"),
        (Style.Rain, "rain rainy storm thunder lightning thunderstorm hurricane tempest downpour monsoon drizzle umbrella puddle typhoon tornado"),
        (Style.Aurora, "aurora borealis northern polar arctic iceland norway antarctica iceberg starry constellation"),
        (Style.Underwater, "underwater reef coral fish whale jellyfish shark dolphin submarine diver diving mermaid seabed aquarium turtle octopus atlantis scuba"),
        (Style.Meadow, "meadow flower field grass garden prairie wheat lavender tulip rose sunflower butterfly spring blossom poppy farm horse picnic bee countryside dandelion cherry sakura rabbit bunny cat dog kitten puppy"),
        (Style.Clouds, "cloud sky heaven flight fly flying airplane plane balloon bird glider angel dream above paraglider dragonfly zeppelin kite"),
        (Style.Abstract, "abstract music dance color colour pattern fractal psychedelic liquid silk wave geometry kaleidoscope trippy ink paint art techno logo energy soul emotion love time mind glitch"));

    private static readonly FrozenDictionary<string, Mood> Moods = Table<Mood>(
        (Mood.Day, "day noon midday sunny bright clear summer daylight afternoon tropical"),
        (Mood.Dawn, "dawn sunrise morning daybreak early"),
        (Mood.Golden, "golden autumn fall warm harvest amber vintage nostalgic honey"),
        (Mood.Sunset, "sunset evening romantic crimson"),
        (Mood.Dusk, "dusk twilight gloaming melancholy lonely"),
        (Mood.Night, "night midnight moon moonlight moonlit dark nocturnal starry stars starlight"),
        (Mood.Neon, "neon cyberpunk synthwave retrowave vaporwave glowing electric futuristic hologram laser techno"),
        (Mood.Pastel, "pastel soft gentle cute kawaii watercolor watercolour dreamy delicate spring"),
        (Mood.Noir, "noir monochrome black grey gray detective vintage1940 blackandwhite"),
        (Mood.Storm, "storm stormy thunder tempest gloomy grim overcast hurricane apocalypse"),
        (Mood.Ice, "ice icy frozen frost winter snow snowy cold arctic crystal glacier"),
        (Mood.Dream, "dream magic magical fantasy surreal fairy enchanted mystical purple violet psychedelic unicorn wonder"));

    private static readonly FrozenDictionary<string, Weather> Weathers = Table<Weather>(
        (Weather.Rain, "rain rainy drizzle umbrella puddle monsoon downpour wet"),
        (Weather.Storm, "storm stormy thunder lightning thunderstorm tempest hurricane typhoon"),
        (Weather.Snow, "snow snowy snowfall blizzard winter snowflake christmas"),
        (Weather.Embers, "ember spark ash lava volcano burning dragon phoenix inferno"),
        (Weather.Fireflies, "firefly fireflies fairy magic magical enchanted lantern"),
        (Weather.Petals, "petal blossom sakura cherry confetti wedding leaf leaves autumn"),
        (Weather.Dust, "dust dusty sandstorm pollen haze"));

    /// <summary>Words that stand in many places: they decide only where no stronger word does. A cat in the city is in the city.</summary>
    private static readonly FrozenSet<string> Guests = Set(
        "lake river water island boat ship sail tree path trail cabin deer fox owl wolf bear fairy elf horse cat dog kitten puppy rabbit bunny bird bee butterfly fish "
        + "robot car taxi train cafe bar alley bridge star sky above fly flying flight wave dance music time mind love soul paint art colour color ink logo dream angel "
        + "spring eagle camel candle torch picnic kite balloon alien rocket astronaut dragon flower grass rose climber hiker energy sand neon building lighthouse hill moss");

    private static readonly FrozenSet<string> Turns = Set("become becomes becoming turn turns turning into transform transforms transforming morph morphs morphing then dissolve dissolves dissolving");

    public static Style? StyleOf(string word) => Find(Styles, word);

    /// <summary>Whether the word merely visits a place, and does not name it.</summary>
    public static bool IsGuest(string word) => Stems(word).Any(Guests.Contains);

    /// <summary>Whether the word says that one thing turns into another.</summary>
    public static bool IsTurn(string word) => Turns.Contains(word);

    public static Mood? MoodOf(string word) => Find(Moods, word);

    public static Weather? WeatherOf(string word) => Find(Weathers, word);

    /// <summary>The words of a prompt: runs of letters, in lower case, at most <paramref name="countMax"/>.</summary>
    public static List<string> WordsOf(string prompt, int countMax)
    {
        var words = new List<string>();
        var start = -1;
        for (var at = 0; at <= prompt.Length && words.Count < countMax; at++)
        {
            var letter = at < prompt.Length && char.IsLetter(prompt[at]);
            if (letter && start < 0) start = at;
            if (letter || start < 0) continue;
            words.Add(prompt[start..at].ToLowerInvariant());
            start = -1;
        }

        return words;
    }

    private static T? Find<T>(FrozenDictionary<string, T> table, string word)
        where T : struct
    {
        foreach (var stem in Stems(word))
            if (table.TryGetValue(stem, out var found)) return found;
        return null;
    }

    /// <summary>The word, and what is left without the usual English endings.</summary>
    private static IEnumerable<string> Stems(string word)
    {
        yield return word;
        foreach (var ending in (string[])["s", "es", "ing", "ed", "y", "ies"])
        {
            if (word.Length - ending.Length < 3 || !word.EndsWith(ending, StringComparison.Ordinal)) continue;
            var stem = word[..^ending.Length];
            yield return stem;
            yield return ending == "ies" ? stem + "y" : stem + "e";
        }
    }

    private static FrozenSet<string> Set(string words) => words.Split(' ').ToFrozenSet();

    private static FrozenDictionary<string, T> Table<T>(params (T Meaning, string Words)[] rows)
        where T : struct
    {
        var table = new Dictionary<string, T>();
        foreach (var (meaning, words) in rows)
            foreach (var word in words.Split(' ')) table.TryAdd(word, meaning);
        return table.ToFrozenDictionary();
    }
}
