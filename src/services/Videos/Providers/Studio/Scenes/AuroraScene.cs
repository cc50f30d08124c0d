using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>Curtains of light over snow-covered hills and a still lake.</summary>
internal sealed class AuroraScene : Scene
{
    private const float Waterline = 0.74f;
    private const int Curtains = 4;

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly int _seed;
    private readonly float _drift;
    private readonly Vector3 _low;
    private readonly Vector3 _high;
    private readonly Silhouette _trees;

    public AuroraScene(SceneScript script, int width, int height)
    {
        var dice = new Dice(script.Seed + 8);
        var bright = script.Mood == Mood.Night ? 1 : 0.22f; // the sky must be dark, whatever the mood says
        var palette = script.Palette with { Zenith = script.Palette.Zenith * bright, Middle = script.Palette.Middle * bright, Horizon = script.Palette.Horizon * (0.4f * bright), Stars = 1 };
        (_palette, _seed, _drift) = (palette, dice.Pick(1 << 20), script.Drift);
        _sky = new Sky(_palette with { Horizon = _palette.Horizon * 0.5f }, _seed) { Horizon = Waterline, Clouds = 0, Disc = 0, Reach = Waterline };
        var warm = script.Mood is Mood.Dream or Mood.Neon or Mood.Sunset;
        _low = warm ? Vector3.Lerp(_palette.Accent, Palette.Hex(0x30F0A0), 0.35f) : Palette.Hex(0x2FF58A);
        _high = warm ? _palette.Accent2 : Vector3.Lerp(Palette.Hex(0x9A3BFF), Palette.Hex(0xFF4FA3), dice.Share() * 0.7f);
        _trees = Silhouette.Conifers(width, height, height * (Waterline - 0.002f), Math.Min(width, height) * 0.09f, 60, dice);
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var travel = _drift * (time - 2) * frame.Unit * 0.006f;
        _sky.Paint(frame, time, travel);
        PaintCurtains(frame, time);
        var (unit, ground) = (frame.Unit, frame.Height * Waterline);
        var night = Vector3.Lerp(_palette.Middle, _low * 0.25f, 0.3f);
        Brush.Below(frame, new Skyline(ground - (unit * 0.13f), unit * 0.11f, 1.9f / unit, travel, 3.5f, 6, _seed + 5), ground - (unit * 0.26f), ground, night * 0.85f, night * 0.4f);
        Brush.Below(frame, new Skyline(ground - (unit * 0.05f), unit * 0.06f, 2.6f / unit, travel * 1.6f, 8.5f, 5, _seed + 6), ground - (unit * 0.12f), ground, night * 0.5f, night * 0.16f);
        _trees.Paint(frame, travel * 2.2f, _palette.Shade * 0.6f, _palette.Shade * 0.3f);
        Brush.Mirror(frame, ground, time, _seed + 9, new Vector3(0.72f, 0.8f, 0.86f), 0.016f, _palette.Shade);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintCurtains(Frame frame, float time)
    {
        var small = frame.Smaller(2);
        Array.Clear(small.R);
        Array.Clear(small.G);
        Array.Clear(small.B);
        var unit = small.Unit;
        var strength = small.Scratch(1, small.Stride + 16);
        var foot = small.Scratch(2, small.Stride + 16);
        for (var curtain = 0; curtain < Curtains; curtain++)
        {
            var bright = (1 - (0.17f * curtain)) * (0.75f + (0.25f * MathF.Sin((time * 0.5f) + (curtain * 1.9f))));
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var u = (Maths.Lanes + new Vector<float>(x - (small.Width / 2f))) * (1 / unit);
                var fold = Noise.At((u * 0.8f) + new Vector<float>((time * 0.07f * _drift) + (curtain * 5.3f)), new Vector<float>((time * 0.1f) + curtain), _seed + curtain);
                var wave = Noise.At((u * 2.1f) + (fold * 1.3f) - new Vector<float>(time * 0.12f), new Vector<float>((time * 0.16f) + (curtain * 3)), _seed + 10 + curtain);
                var rays = Noise.At((u * 13) + (wave * 3.5f) + new Vector<float>(time * 0.35f), new Vector<float>((time * 0.5f) + curtain), _seed + 20 + curtain);
                var fine = Noise.At((u * 41) + (wave * 8) - new Vector<float>(time * 0.5f), new Vector<float>((time * 0.8f) + curtain), _seed + 30 + curtain);
                var patch = Maths.Smooth(-0.55f, 0.5f, Noise.At((u * 0.9f) - new Vector<float>(time * 0.05f), new Vector<float>((curtain * 2.7f) + (time * 0.08f)), _seed + 40));
                Maths.Store(Maths.Clamp01(new Vector<float>(0.52f) + (rays * 0.42f) + (fine * 0.2f)) * patch * bright, strength, x);
                Maths.Store((new Vector<float>(0.5f - (0.075f * curtain)) + (fold * 0.13f) + (wave * 0.06f)) * (small.Height / unit) * unit, foot, x);
            }

            Hang(small, strength, foot, 0.24f + (0.05f * curtain));
        }

        frame.AddStretched(small);
    }

    /// <summary>Lets a curtain rise from its foot: a sharp lower edge, green low, red and violet high, fading out.</summary>
    [MethodImpl(Maths.Hot)]
    private void Hang(Frame small, float[] strength, float[] foot, float tall)
    {
        var (low, high) = (Light.Of(_low), Light.Of(_high));
        var scale = 1 / (small.Unit * tall);
        for (var y = 0; y < (int)(small.Height * Waterline); y++)
        {
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var above = (Maths.Load(foot, x) - new Vector<float>(y)) * scale;
                if (!Vector.GreaterThanAny(above, new Vector<float>(-0.12f))) continue;
                var rise = Maths.Smooth(-0.1f, 0.09f, above) * Maths.Decay(Vector.Max(above, Vector<float>.Zero) * 2.1f) * Maths.Smooth(2.4f, 0.2f, above);
                var light = Light.Mix(low, high, Maths.Smooth(0.15f, 1.1f, above)) * (rise * Maths.Load(strength, x) * 0.85f);
                var at = (y * small.Stride) + x;
                small.Set(at, small.Get(at) + light);
            }
        }
    }
}
