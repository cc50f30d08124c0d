namespace SkyRiff.App.Demo;

/// <summary>The people of the demo, what they make, and how well each clip is liked.</summary>
internal static class DemoScript
{
    internal sealed record Person(string Handle, string Name, string Bio);

    /// <param name="Likes">How many of the others like it; there are <see cref="People"/> minus one.</param>
    internal sealed record Clip(string Author, string Title, string Prompt, string Description, string[] Tags, int Seconds, string Size, int Likes);

    /// <summary>Those who make clips, and then those who only watch.</summary>
    public static IReadOnlyList<Person> People { get; } =
    [
        new("maren", "Maren Okafor", "Lives by the harbour. Films weather, mostly bad."),
        new("tobi", "Tobi Lindqvist", "Night trains, neon, noodles."),
        new("ysolde", "Ysolde Reyes", "Paper planets and other small universes."),
        new("kenji", "Kenji Ward", "Forester by day."),
        new("ida", "Ida Castellanos", "I chase the last ten minutes of light."),
        new("pascal", "Pascal Nwosu", "Sound first, picture second."),
        new("lotte", "Lotte Brandt", "Here for the seas."),
        new("amir", "Amir Haddad", "Cuts documentaries, dreams in colour."),
        new("juno", "Juno Park", ""),
        new("theo", "Theo Marchetti", "Watches everything twice."),
        new("nadia", "Nadia Sørensen", "Skiing, mostly uphill."),
        new("ravi", "Ravi Menon", "Astronomer. The real sky is better, but slower."),
        new("olive", "Olive Adeyemi", ""),
        new("bruno", "Bruno Keller", "Trains."),
        new("saoirse", "Saoirse Walsh", "Rain is a genre."),
        new("mateo", "Mateo Ruiz", "Learning to prompt."),
    ];

    public static IReadOnlyList<Clip> Clips { get; } =
    [
        new("maren", "Before the storm", "a lighthouse above a rough sea, dark storm clouds rolling in", "Ten minutes later nobody could stand upright.", ["sea", "storm"], 8, "1280x720", 13),
        new("tobi", "Rain on Fourth Street", "neon city street at night in the rain, reflections", "Bring an umbrella.", ["city", "neon", "rain"], 4, "1280x720", 9),
        new("ysolde", "Blue giant", "drifting through deep space past a blue giant star and a nebula", "", ["space"], 8, "1280x720", 11),
        new("kenji", "Six in the morning", "misty pine forest at dawn, sunbeams between the trees", "The only hour when it is quiet.", ["forest", "morning"], 8, "1280x720", 7),
        new("ida", "Gold hour", "desert dunes at sunset, wind lifting the sand", "", ["desert", "sunset"], 4, "1280x720", 5),
        new("pascal", "Ember study no. 3", "a campfire at night, sparks rising, warm glow", "Headphones on.", ["fire", "night"], 8, "1024x1024", 3),
        new("maren", "Calm again", "pastel sunrise over a quiet sea", "The same place, a day later.", ["sea", "morning"], 4, "1280x720", 6),
        new("tobi", "Last train", "futuristic city skyline at dusk with lights coming on", "", ["city"], 4, "720x1280", 8),
        new("ysolde", "Ring world", "a ringed planet rising over an icy moon, stars", "Printed, folded, lit from behind. In my head, at least.", ["space", "planet"], 4, "1280x720", 10),
        new("kenji", "North face", "snow mountain ridge under drifting clouds, cold morning", "", ["mountain", "snow"], 8, "1280x720", 2),
        new("ida", "Northern lights", "aurora over a frozen lake at night", "Worth the frostbite.", ["aurora", "night"], 8, "1280x720", 15),
        new("pascal", "Slow colours", "abstract flowing colours, soft and dreamlike", "For a track that has no name yet.", ["abstract"], 8, "1024x1024", 1),
    ];

    /// <summary>Who likes the clip: always the same people, others for each clip, never its author.</summary>
    public static IEnumerable<Person> FansOf(Clip clip)
    {
        var others = People.Where(person => person.Handle != clip.Author).ToList();
        var first = Clips.Index().Single(each => each.Item == clip).Index * 7;
        return Enumerable.Range(first, clip.Likes).Select(seat => others[seat % others.Count]);
    }
}
