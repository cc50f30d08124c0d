using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A meadow in the wind: hills behind, rows of grass that bend in gusts, flowers among them.</summary>
internal sealed class MeadowScene : Scene
{
    private const int Rows = 6;

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly int _seed;
    private readonly float _drift;
    private readonly Blade[][] _rows = new Blade[Rows][];
    private readonly Vector3[] _petals;
    private readonly Vector3 _green;

    public MeadowScene(SceneScript script, int width, int height)
    {
        var dice = new Dice(script.Seed + 12);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _sky = new Sky(_palette, _seed) { Horizon = 0.6f, Clouds = Math.Max(script.Overcast, dice.Between(0.35f, 0.6f)), SunX = dice.Between(0.3f, 0.7f), Disc = 0.055f };
        var wheat = script.Mentions("wheat", "field", "harvest", "golden");
        var leaf = wheat ? Palette.Hex(0xB08A3A) : Palette.Hex(0x4E7A2B);
        var light = 0.32f + (0.1f * (_palette.Horizon.X + _palette.Horizon.Y + _palette.Horizon.Z));
        _green = Vector3.Lerp(leaf * light, _palette.Horizon * leaf * 2.2f, 0.35f);
        _petals = script.Mentions("lavender") ? [Palette.Hex(0x9A6BE0), Palette.Hex(0x7A4FC8)]
            : script.Mentions("sunflower", "dandelion") ? [Palette.Hex(0xF6C026), Palette.Hex(0xF2A71B)]
            : script.Mentions("poppy", "rose", "tulip") ? [Palette.Hex(0xE23B2E), Palette.Hex(0xF06A55)]
            : script.Mentions("cherry", "sakura", "blossom") ? [Palette.Hex(0xF7B6CC), Palette.Hex(0xFFDCE6)]
            : [Palette.Hex(0xF2F0E6), Palette.Hex(0xF28FB1), Palette.Hex(0xF6C945), Palette.Hex(0x8C7BE8)];
        for (var row = 0; row < Rows; row++)
        {
            var near = row / (Rows - 1f);
            var blades = new Blade[(int)((460 - (250 * near)) * width / Math.Min(width, height) / 1.6f)];
            for (var i = 0; i < blades.Length; i++)
            {
                var flower = !wheat && dice.Chance(0.1f + (0.05f * near));
                blades[i] = new Blade(
                    dice.Between(-0.08f, 1.08f), dice.Between(0.55f, 1) * (0.05f + (0.17f * near * near) + (0.03f * near)) * (flower ? 1.12f : 1),
                    dice.Between(0.6f, 1.3f), dice.Share() * 6.3f, dice.Share(), flower ? dice.Pick(_petals.Length) : wheat && dice.Chance(0.4f) ? -2 : -1);
            }

            _rows[row] = blades;
        }
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var travel = _drift * (time - 2) * frame.Unit;
        _sky.Paint(frame, time, travel * 0.003f);
        var (unit, line) = (frame.Unit, frame.Height * 0.6f);
        var far = Vector3.Lerp(_palette.Fog, _green, 0.25f) * 0.75f;
        Brush.Below(frame, new Skyline(line - (unit * 0.03f), unit * 0.07f, 1.2f / unit, travel * 0.006f, 3.5f, 5, _seed + 5), line - (unit * 0.1f), line, far, far * 0.92f);
        var mid = Vector3.Lerp(_palette.Fog * 0.7f, _green, 0.62f) * 0.85f;
        Brush.Below(frame, new Skyline(line + (unit * 0.02f), unit * 0.05f, 0.9f / unit, travel * 0.012f, 8.5f, 4, _seed + 6), line - (unit * 0.04f), line + (unit * 0.3f), mid, _green * 0.5f);
        for (var row = 0; row < Rows; row++) Paint(frame, row, time, travel);
        var sun = _sky.SunPosition(frame, travel * 0.003f);
        frame.Glow(sun.X, sun.Y, unit * 0.9f, _palette.Sun * 0.035f);
    }

    [MethodImpl(Maths.Hot)]
    private void Paint(Frame frame, int row, float time, float travel)
    {
        var near = row / (Rows - 1f);
        var unit = frame.Unit;
        var ground = frame.Height * (0.64f + (0.42f * MathF.Pow(near, 1.2f)));
        var shift = travel * (0.014f + (0.05f * near));
        var haze = Vector3.Lerp(_palette.Fog * 0.6f, _green, 0.35f + (0.65f * MathF.Sqrt(near)));
        foreach (var blade in _rows[row])
        {
            var x = (blade.X * frame.Width) + shift;
            var gust = Noise.At((blade.X * 3.2f) - (time * 0.75f * _drift), (time * 0.22f) + near, _seed + 30);
            var bend = ((gust * 0.62f) + (0.14f * MathF.Sin((time * 2.6f) + blade.Phase))) * _drift;
            var tip = Stalk(frame, blade, x, ground + (unit * 0.02f), bend, near, haze, gust);
            if (blade.Flower >= 0) Flower(frame, tip, unit * (0.006f + (0.018f * near)) * blade.Wide, _petals[blade.Flower], near, blade.Phase);
            if (blade.Flower == -2) frame.Disc(tip.X, tip.Y, unit * (0.002f + (0.004f * near)), haze * 1.7f);
        }
    }

    [MethodImpl(Maths.Hot)]
    private Vector2 Stalk(Frame frame, Blade blade, float x, float ground, float bend, float near, Vector3 haze, float gust)
    {
        var unit = frame.Unit;
        var tall = blade.Tall * unit;
        var wide = unit * (0.0012f + (0.0036f * near)) * blade.Wide * (blade.Flower >= 0 ? 0.5f : 1);
        var dark = 0.5f + (0.35f * blade.Hue);
        var tipX = x;
        for (var y = 0; y < (int)tall; y++)
        {
            var up = y / tall;
            tipX = x + (bend * up * up * tall * 0.62f);
            // Light comes through the upper half of a blade; gusts turn its pale side up.
            var light = haze * (dark * (0.35f + (0.95f * up)) * (1 + (0.25f * gust))) + (_palette.Sun * (0.012f * up * up * blade.Hue));
            frame.Span((int)ground - y, tipX - (wide * (1 - up)), tipX + (wide * (1 - (up * 0.9f))), light);
        }

        return new Vector2(tipX, ground - tall);
    }

    private static void Flower(Frame frame, Vector2 at, float radius, Vector3 petal, float near, float phase)
    {
        var light = petal * (0.55f + (0.35f * near));
        if (radius < 3)
        {
            frame.Disc(at.X, at.Y, radius, light);
            return;
        }

        for (var leaf = 0; leaf < 6; leaf++)
        {
            var (sin, cos) = MathF.SinCos((leaf * 1.047f) + phase);
            frame.Disc(at.X + (cos * radius * 0.62f), at.Y + (sin * radius * 0.48f), radius * 0.46f, light * (0.8f + (0.3f * ((sin * -0.5f) + 0.5f))));
        }

        frame.Disc(at.X, at.Y, radius * 0.33f, new Vector3(0.75f, 0.42f, 0.05f) * (0.7f + (0.3f * near)));
    }

    private readonly record struct Blade(float X, float Tall, float Wide, float Phase, float Hue, int Flower);
}
