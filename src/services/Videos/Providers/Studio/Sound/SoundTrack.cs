using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Sound;

/// <summary>What a clip sounds like: a chord for its mood, what its place and weather make heard, and a few notes on top. Pure, like the picture.</summary>
internal static class SoundTrack
{
    private static readonly int[] Bright = [0, 7, 12, 16, 19];
    private static readonly int[] Dark = [0, 7, 12, 15, 19];
    private static readonly int[] Open = [0, 7, 12, 14, 19];
    private static readonly int[] Pentatonic = [0, 2, 4, 7, 9, 12, 14, 16];
    private static readonly int[] PentatonicDark = [0, 3, 5, 7, 10, 12, 15, 17];

    /// <summary>A WAV file, 48 kHz, stereo, 16 bits.</summary>
    public static byte[] Of(SceneScript script, float seconds)
    {
        var dice = new Dice(script.Seed + 1000);
        var mix = new Mix(seconds);
        var dark = script.Mood is Mood.Night or Mood.Storm or Mood.Noir or Mood.Dusk or Mood.Neon;
        var root = 55 * MathF.Pow(2, dice.Pick(7) / 12f);
        var chord = dark ? Dark : script.Mood is Mood.Dream or Mood.Ice or Mood.Pastel ? Open : Bright;
        Voices.Pad(mix, [.. chord.Select(step => root * 2 * MathF.Pow(2, step / 12f))], 0.055f, dice);
        Melody(mix, script, root * 4, dark ? PentatonicDark : Pentatonic, seconds, dice);
        mix.Room(0.5f);
        Place(mix, script.Style, script, root, seconds, dice);
        Air(mix, script, seconds, dice);
        return mix.ToWave();
    }

    private static void Melody(Mix mix, SceneScript script, float root, int[] scale, float seconds, Dice dice)
    {
        var (every, ring, bright, strength) = script.Style switch
        {
            Style.Abstract => (0.25f, 0.35f, 0.2f, 0.05f),
            Style.City when script.Mood == Mood.Neon => (0.25f, 0.22f, 0.1f, 0.05f),
            Style.Aurora or Style.Space => (0.75f, 1.4f, 0.9f, 0.04f),
            Style.Fire or Style.Rain => (1.5f, 1.1f, 0.1f, 0.03f),
            _ => (0.75f, 0.9f, 0.35f, 0.045f),
        };
        var note = dice.Pick(scale.Length);
        for (var at = 0.3f; at < seconds - 0.6f; at += every)
        {
            note = Math.Clamp(note + dice.Pick(5) - 2, 0, scale.Length - 1);
            if (dice.Chance(0.3f)) continue;
            var frequency = root * MathF.Pow(2, scale[note] / 12f);
            Voices.Bell(mix, at, frequency, strength * dice.Between(0.6f, 1), ring, bright, dice.Between(-0.6f, 0.6f));
        }
    }

    private static void Place(Mix mix, Style style, SceneScript script, float root, float seconds, Dice dice)
    {
        switch (style)
        {
            case Style.Sea:
                Voices.Breath(mix, 60, 900, 0.2f, t => 0.35f + (0.65f * Swell(t, 4.4f, 0.1f)), dice);
                Voices.Breath(mix, 900, 6000, 0.09f, t => MathF.Pow(Swell(t, 4.4f, -0.12f), 2), dice);
                break;
            case Style.Fire:
                Voices.Breath(mix, 40, 320, 0.24f, t => 0.7f + (0.3f * Swell(t, 1.3f, 0)), dice);
                Voices.Crackle(mix, 26, 0.5f, 700, 3800, dice);
                break;
            case Style.City:
                Voices.Breath(mix, 35, 210, 0.22f, t => 0.7f + (0.3f * Swell(t, 3, 0.3f)), dice);
                Voices.Breath(mix, 300, 1500, 0.06f, t => MathF.Pow(Swell(t, 2.7f, 0.6f), 3), dice);
                break;
            case Style.Space:
                Voices.Pad(mix, [root * 0.5f, root * 0.75f, root], 0.09f, dice);
                Voices.Breath(mix, 2000, 7000, 0.02f, t => Swell(t, 3.5f, 0.2f), dice);
                break;
            case Style.Forest or Style.Meadow:
                Voices.Breath(mix, 250, 2200, 0.06f, t => 0.4f + (0.6f * Swell(t, 3.8f, 0.25f)), dice);
                if (script.Mood is Mood.Night or Mood.Dusk) Voices.Crickets(mix, 0.012f, dice);
                else for (var at = dice.Between(0.3f, 0.9f); at < seconds - 0.5f; at += dice.Between(0.6f, 1.7f)) Voices.Bird(mix, at, dice);
                break;
            case Style.Mountain or Style.Desert or Style.Clouds or Style.Aurora:
                Voices.Breath(mix, 180, 700, 0.16f, t => 0.3f + (0.7f * Swell(t, 4.2f, 0.15f)), dice);
                Voices.Breath(mix, 800, 2600, 0.03f, t => MathF.Pow(Swell(t, 2.9f, 0.4f), 2), dice);
                break;
            case Style.Underwater:
                Voices.Breath(mix, 30, 260, 0.3f, t => 0.6f + (0.4f * Swell(t, 3.3f, 0)), dice);
                for (var at = 0.2f; at < seconds - 0.2f; at += dice.Between(0.08f, 0.5f))
                    Voices.Slide(mix, at, dice.Between(280, 600), dice.Between(700, 1500), dice.Between(0.03f, 0.09f), 0.05f, dice.Between(-0.8f, 0.8f));
                break;
            case Style.Abstract:
                for (var at = 0f; at < seconds - 0.3f; at += 0.5f) Voices.Slide(mix, at, 105, 42, 0.22f, 0.2f, 0);
                break;
        }
    }

    private static void Air(Mix mix, SceneScript script, float seconds, Dice dice)
    {
        switch (script.Weather)
        {
            case Weather.Rain or Weather.Storm:
                Voices.Breath(mix, 1200, 9000, 0.11f, t => 0.8f + (0.2f * Swell(t, 2.6f, 0)), dice);
                Voices.Crackle(mix, 60, 0.09f, 1500, 5000, dice);
                break;
            case Weather.Snow:
                Voices.Breath(mix, 250, 900, 0.08f, t => 0.4f + (0.6f * Swell(t, 3.4f, 0.2f)), dice);
                break;
            case Weather.Embers when script.Style != Style.Fire:
                Voices.Crackle(mix, 14, 0.3f, 700, 3500, dice);
                break;
            case Weather.Fireflies when script.Style is not (Style.Forest or Style.Meadow):
                Voices.Crickets(mix, 0.01f, dice);
                break;
        }

        if (script.Weather != Weather.Storm) return;
        // Sound comes after the light.
        foreach (var stroke in new Lightning(script.Seed).StrokesUntil(seconds)) Voices.Thunder(mix, stroke + 0.18f, 0.5f, dice);
    }

    /// <summary>0 to 1 and back within <paramref name="period"/> seconds, quicker up than down.</summary>
    private static float Swell(float time, float period, float offset)
    {
        var phase = (time / period) + offset;
        phase -= MathF.Floor(phase);
        return phase < 0.38f ? Maths.Smooth(0, 0.38f, phase) : Maths.Smooth(1, 0.38f, phase);
    }
}
