using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Sound;

/// <summary>The instruments: each adds itself to a mix. Frequencies in hertz, times in seconds.</summary>
internal static class Voices
{
    private const float Turn = MathF.PI * 2;

    /// <summary>A held chord of soft tones, two to a note and slightly apart, breathing slowly.</summary>
    public static void Pad(Mix mix, ReadOnlySpan<float> notes, float strength, Dice dice)
    {
        foreach (var note in notes)
        {
            for (var twin = 0; twin < 2; twin++)
            {
                var frequency = note * (1 + ((twin - 0.5f) * 0.006f));
                var (phase, breath, speed) = (dice.Share() * Turn, dice.Share() * Turn, dice.Between(0.5f, 1.1f));
                var (place, step) = (dice.Between(-0.7f, 0.7f), frequency * Turn / Mix.Rate);
                // Higher notes are quieter, as in a choir far away.
                var loud = strength * MathF.Min(1, 220 / note) * 0.5f;
                for (var i = 0; i < mix.Length; i++)
                {
                    var swell = 0.68f + (0.32f * MathF.Sin(breath + (i * speed / Mix.Rate)));
                    var tone = MathF.Sin(phase) + (0.32f * MathF.Sin(phase * 2)) + (0.12f * MathF.Sin(phase * 3));
                    mix.Add(i, tone * loud * swell, place);
                    phase += step;
                }
            }
        }
    }

    /// <summary>A struck tone that rings out; <paramref name="bright"/> adds the metal of a bell.</summary>
    public static void Bell(Mix mix, float at, float frequency, float strength, float ring, float bright, float place)
    {
        var start = (int)(at * Mix.Rate);
        var length = Math.Min(mix.Length - start, (int)(ring * 4 * Mix.Rate));
        for (var i = 0; i < length; i++)
        {
            var t = (float)i / Mix.Rate;
            var body = MathF.Sin(Turn * frequency * t) + (bright * 0.4f * MathF.Sin(Turn * frequency * 2.76f * t) * MathF.Exp(-t * 6 / ring));
            mix.Add(start + i, body * strength * MathF.Exp(-t / ring) * Math.Min(1, t * 400), place);
        }
    }

    /// <summary>Noise between two frequencies whose strength follows <paramref name="swell"/> (seconds to 0..1); wind, waves, rain, hum.</summary>
    public static void Breath(Mix mix, float low, float high, float strength, Func<float, float> swell, Dice dice)
    {
        for (var channel = 0; channel < 2; channel++)
        {
            var samples = channel == 0 ? mix.Left : mix.Right;
            var (fast, fast2, slow) = (0f, 0f, 0f);
            var (a, b) = (1 - MathF.Exp(-Turn * high / Mix.Rate), 1 - MathF.Exp(-Turn * low / Mix.Rate));
            // Darker noise is weaker for the same numbers; make up for it.
            var gain = strength * MathF.Min(6, MathF.Sqrt(12_000 / high));
            var level = 0f;
            for (var i = 0; i < mix.Length; i++)
            {
                if (i % 256 == 0) level = swell((float)i / Mix.Rate);
                fast += ((dice.Share() * 2) - 1 - fast) * a;
                fast2 += (fast - fast2) * a;
                slow += (fast2 - slow) * b;
                samples[i] += (fast2 - slow) * gain * level;
            }
        }
    }

    /// <summary>Short dry ticks at random moments, as burning wood or drops make them.</summary>
    public static void Crackle(Mix mix, float perSecond, float strength, float low, float high, Dice dice)
    {
        var count = (int)(mix.Length / (float)Mix.Rate * perSecond);
        for (var tick = 0; tick < count; tick++)
        {
            var start = dice.Pick(mix.Length);
            var (pitch, loud, place) = (dice.Between(low, high), strength * MathF.Pow(dice.Share(), 3), dice.Between(-0.8f, 0.8f));
            var length = (int)(Mix.Rate * dice.Between(0.003f, 0.02f));
            for (var i = 0; i < length; i++)
            {
                var fall = MathF.Exp(-6f * i / length);
                mix.Add(start + i, (((dice.Share() * 2) - 1) * 0.5f + MathF.Sin(Turn * pitch * i / Mix.Rate)) * loud * fall, place);
            }
        }
    }

    /// <summary>A whistle that slides from one pitch to another: a bird's syllable, a bubble.</summary>
    public static void Slide(Mix mix, float at, float from, float to, float lasts, float strength, float place)
    {
        var (start, length, phase) = ((int)(at * Mix.Rate), (int)(lasts * Mix.Rate), 0f);
        for (var i = 0; i < length; i++)
        {
            var share = (float)i / length;
            phase += Turn * Maths.Lerp(from, to, share) / Mix.Rate;
            mix.Add(start + i, MathF.Sin(phase) * strength * MathF.Sin(MathF.PI * share), place);
        }
    }

    /// <summary>A low roll that falls apart: thunder, or surf on stones.</summary>
    public static void Thunder(Mix mix, float at, float strength, Dice dice)
    {
        var start = (int)(at * Mix.Rate);
        var (low, lower) = (0f, 0f);
        for (var i = 0; start + i < mix.Length; i++)
        {
            var t = (float)i / Mix.Rate;
            var crack = MathF.Exp(-t * 7) * 0.6f;
            var roll = MathF.Min(1, t * 7) * MathF.Exp(-t * 0.9f) * (0.65f + (0.35f * MathF.Sin((t * 13) + (3 * MathF.Sin(t * 5)))));
            var noise = (dice.Share() * 2) - 1;
            low += (noise - low) * 0.02f;
            lower += (low - lower) * 0.03f;
            mix.Add(start + i, ((noise * crack * 0.25f) + (low * crack * 4) + (lower * roll * 26)) * strength, 0.1f);
        }
    }

    /// <summary>A bird's phrase of a few syllables.</summary>
    public static void Bird(Mix mix, float at, Dice dice)
    {
        var (pitch, place, time) = (dice.Between(2300, 4200), dice.Between(-0.9f, 0.9f), at);
        for (var syllable = 2 + dice.Pick(4); syllable > 0; syllable--)
        {
            var lasts = dice.Between(0.05f, 0.13f);
            Slide(mix, time, pitch * dice.Between(0.85f, 1.2f), pitch * dice.Between(0.85f, 1.25f), lasts, 0.035f, place);
            time += lasts + dice.Between(0.02f, 0.07f);
        }
    }

    /// <summary>Crickets: a high tone in quick pulses, in bars.</summary>
    public static void Crickets(Mix mix, float strength, Dice dice)
    {
        for (var cricket = 0; cricket < 3; cricket++)
        {
            var (pitch, pulse, place, bar) = (dice.Between(3900, 4800), dice.Between(26, 34), dice.Between(-0.9f, 0.9f), dice.Between(0.7f, 1.2f));
            for (var i = 0; i < mix.Length; i++)
            {
                var t = (float)i / Mix.Rate;
                var gate = MathF.Max(0, MathF.Sin(Turn * pulse * t)) * (((t / bar) + (cricket * 0.37f)) % 1 < 0.6f ? 1 : 0);
                mix.Add(i, MathF.Sin(Turn * pitch * t) * gate * strength, place);
            }
        }
    }
}
