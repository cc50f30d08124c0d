using System.Numerics;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>What falls, drifts or glows between the lens and the scene. Every particle's place follows from its number and the time alone.</summary>
internal sealed class WeatherVeil
{
    private readonly Weather _weather;
    private readonly Palette _palette;
    private readonly int _seed;
    private readonly float _wind;
    private readonly Lightning? _lightning;

    public WeatherVeil(SceneScript script)
    {
        (_weather, _palette) = (script.Weather, script.Palette);
        var dice = new Dice(script.Seed + 50);
        _seed = dice.Pick(1 << 20);
        _wind = script.Drift * dice.Between(0.6f, 1.2f);
        // The storm scene brings its own lightning, behind its hills.
        _lightning = script.Weather == Weather.Storm && script.Style != Style.Rain ? new Lightning(script.Seed) : null;
    }

    public void Paint(Frame frame, float time)
    {
        _lightning?.Paint(frame, time, frame.Height * 0.45f);
        switch (_weather)
        {
            case Weather.Rain: Rain(frame, time, 520, 0.16f); break;
            case Weather.Storm: Rain(frame, time, 760, 0.3f); break;
            case Weather.Snow: Snow(frame, time); break;
            case Weather.Embers: Embers(frame, time); break;
            case Weather.Fireflies: Fireflies(frame, time); break;
            case Weather.Petals: Petals(frame, time); break;
            case Weather.Dust: Dust(frame, time); break;
        }
    }

    /// <summary>0 .. 1, going round; what leaves at one end comes back at the other.</summary>
    private static float Lap(float value) => value - MathF.Floor(value);

    private float Hash(int i, int what) => Noise.Hash(i, what, _seed);

    private void Rain(Frame frame, float time, int count, float slant)
    {
        var unit = frame.Unit;
        var light = (_palette.Horizon * 0.5f) + new Vector3(0.2f);
        for (var i = 0; i < count; i++)
        {
            var near = MathF.Pow(Hash(i, 1), 2);
            var fall = Lap(Hash(i, 2) + (time * (1.1f + (1.5f * near))));
            var length = unit * (0.028f + (0.085f * near));
            var y = (fall * (frame.Height + (2 * length))) - length;
            var x = (Lap(Hash(i, 3) + (slant * _wind * fall * 0.25f)) * frame.Width * 1.2f) - (frame.Width * 0.1f);
            Brush.Streak(frame, x, y - length, x + (slant * _wind * length), y, 0.7f + (unit * 0.0016f * near), light * (0.16f + (0.22f * near)));
        }
    }

    private void Snow(Frame frame, float time)
    {
        var unit = frame.Unit;
        for (var i = 0; i < 420; i++)
        {
            var near = MathF.Pow(Hash(i, 1), 3);
            var y = Lap(Hash(i, 2) + (time * (0.05f + (0.16f * near)))) * 1.1f;
            var sway = MathF.Sin((time * (0.8f + Hash(i, 4))) + (i * 2.4f)) * (0.008f + (0.02f * near));
            var x = Lap(Hash(i, 3) + sway + (time * _wind * (0.015f + (0.04f * near)))) * 1.1f;
            frame.Glow((x - 0.05f) * frame.Width, (y - 0.05f) * frame.Height, unit * (0.0028f + (0.012f * near)), new Vector3(0.85f, 0.9f, 1) * (0.95f - (0.5f * near)));
        }
    }

    private void Embers(Frame frame, float time)
    {
        var unit = frame.Unit;
        for (var i = 0; i < 150; i++)
        {
            var near = MathF.Pow(Hash(i, 1), 2);
            var rise = Lap(Hash(i, 2) + (time * (0.12f + (0.3f * Hash(i, 5)))));
            var curl = Noise.At((rise * 3.2f) + (i * 1.7f), time * 0.5f, _seed) * 0.14f;
            var x = 0.5f + ((Hash(i, 3) - 0.5f) * (0.35f + (0.9f * rise))) + (curl * (0.4f + rise));
            var y = 0.92f - (rise * 1.02f);
            var flicker = 0.6f + (0.4f * MathF.Sin((time * (9 + (6 * Hash(i, 6)))) + i));
            var fade = Maths.Smooth(1, 0.55f, rise) * Maths.Smooth(0, 0.06f, rise);
            var heat = new Vector3(2.4f, 0.95f - (0.45f * rise), 0.22f - (0.16f * rise)) * (flicker * fade);
            var radius = unit * (0.0018f + (0.0042f * near));
            frame.Glow(x * frame.Width, y * frame.Height, radius, heat * 1.3f);
            frame.Glow(x * frame.Width, y * frame.Height, radius * 5, heat * 0.05f);
        }
    }

    private void Fireflies(Frame frame, float time)
    {
        var unit = frame.Unit;
        for (var i = 0; i < 60; i++)
        {
            var near = Hash(i, 1);
            var x = Hash(i, 2) + (0.07f * Noise.At(time * 0.35f, i * 2.7f, _seed));
            var y = 0.45f + (0.5f * Hash(i, 3)) + (0.06f * Noise.At(time * 0.4f, (i * 4.1f) + 90, _seed + 1));
            var pulse = MathF.Pow(0.5f + (0.5f * MathF.Sin((time * (1.2f + Hash(i, 4))) + (i * 2.1f))), 3);
            var light = new Vector3(1.1f, 1.25f, 0.32f) * pulse;
            frame.Glow(x * frame.Width, y * frame.Height, unit * (0.004f + (0.005f * near)), light * 1.6f);
            frame.Glow(x * frame.Width, y * frame.Height, unit * (0.02f + (0.035f * near)), light * 0.12f);
        }
    }

    private void Petals(Frame frame, float time)
    {
        var unit = frame.Unit;
        for (var i = 0; i < 46; i++)
        {
            var near = MathF.Pow(Hash(i, 1), 2);
            var speed = 0.04f + (0.07f * near);
            var y = (Lap(Hash(i, 2) + (time * speed)) * 1.16f) - 0.08f;
            var x = (Lap(Hash(i, 3) + (time * _wind * (0.03f + (0.06f * near))) + (0.02f * MathF.Sin((time * 1.6f) + i))) * 1.16f) - 0.08f;
            // A petal that turns in the air is broad, then an edge, then broad again.
            var turn = MathF.Abs(MathF.Sin((time * (1.4f + (2 * Hash(i, 4)))) + (i * 1.9f)));
            var radius = unit * (0.003f + (0.008f * near));
            var light = Vector3.Lerp(new Vector3(0.95f, 0.55f, 0.62f), _palette.Accent, 0.4f * Hash(i, 5)) * (0.5f + (0.5f * turn));
            for (var row = (int)-radius; row <= (int)radius; row++)
            {
                var half = MathF.Sqrt(MathF.Max(0, 1 - (row * row / (radius * radius)))) * radius * (0.25f + (1.2f * turn));
                var center = (x * frame.Width) + (row * 0.55f);
                frame.Span((int)(y * frame.Height) + row, center - half, center + half, light, 0.85f);
            }
        }
    }

    private void Dust(Frame frame, float time)
    {
        var unit = frame.Unit;
        for (var i = 0; i < 110; i++)
        {
            var near = MathF.Pow(Hash(i, 1), 3);
            var x = (Lap(Hash(i, 2) + (time * _wind * (0.01f + (0.03f * near))) + (0.02f * Noise.At(time * 0.3f, i * 3.1f, _seed))) * 1.1f) - 0.05f;
            var y = Hash(i, 3) + (0.04f * Noise.At(time * 0.28f, (i * 1.9f) + 50, _seed + 2)) - (time * 0.004f);
            var shimmer = 0.55f + (0.45f * MathF.Sin((time * 1.4f) + (i * 1.7f)));
            frame.Glow(x * frame.Width, Lap(y) * frame.Height, unit * (0.0018f + (0.014f * near)), _palette.Sun * (0.05f * shimmer * (1.1f - near)));
        }
    }
}
