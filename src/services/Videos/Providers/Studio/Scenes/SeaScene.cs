using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>
/// Open water to the horizon under a moving sky. The water is a plane seen in perspective: each pixel finds its place on it, the waves' slope
/// there turns the mirrored sky, and the sun breaks into a path of glints.
/// </summary>
internal sealed class SeaScene : Scene
{
    private const float Bob = 0.004f; // how far the horizon goes up and down, as a share of the height

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly int _seed;
    private readonly float _drift;
    private readonly float _height;
    private readonly float _swell;

    public SeaScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 1);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _height = dice.Between(0.44f, 0.54f);
        _swell = script.Mood == Mood.Storm || script.Weather == Weather.Storm ? 1.7f : dice.Between(0.8f, 1.1f);
        _sky = new Sky(_palette, _seed) { Horizon = _height, Clouds = Math.Max(script.Overcast, dice.Between(0.35f, 0.6f)), SunX = dice.Between(0.3f, 0.7f), Disc = script.Overcast > 0.8f ? 0 : 0.045f, Reach = _height + Bob };
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var shift = _drift * moment.Time * frame.Unit * 0.006f;
        _sky.Paint(frame, moment.Time, shift);
        PaintWater(frame, moment, shift);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintWater(Frame frame, Moment moment, float shift)
    {
        var bob = MathF.Sin(moment.Time * 0.9f) * Bob;
        var horizon = (int)(frame.Height * (_height + bob));
        var unit = frame.Unit;
        var sun = _sky.SunPosition(frame, shift);
        var deep = Vector3.Lerp(_palette.Zenith, new Vector3(0.004f, 0.03f, 0.045f), 0.55f) * 0.55f;
        var clear = Vector3.Lerp(deep, new Vector3(0.02f, 0.2f, 0.2f), 0.5f) + (_palette.Middle * 0.06f);
        for (var y = Math.Max(horizon, 0); y < frame.Height; y++)
        {
            var below = (y + 0.5f - horizon) / unit;
            var depth = 0.32f / (below + 0.006f);
            var fine = 1 / (1 + (depth * 0.12f));
            var haze = Maths.Smooth(8, 44, depth);
            var along = new Vector<float>((depth * 1.9f) + (moment.Time * 0.55f));
            var step = below * 3.1f;
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var across = (Maths.Lanes + new Vector<float>(x - (frame.Width / 2f) - (shift * 3))) * (depth / unit);
                var (slopeX, slopeY, crest) = Slope(across, along, moment.Time, fine);
                // The mirrored ray leaves upwards the more, the more the wave leans to us.
                var lift = Maths.Clamp01((slopeY * (0.55f * _swell)) + new Vector<float>(0.08f + (below * 0.55f)));
                var mirrored = Light.Mix(Light.Mix(_palette.Horizon, _palette.Middle, Maths.Smooth(0, 0.4f, lift)), Light.Of(_palette.Zenith), Maths.Smooth(0.28f, 1, lift));
                var fresnel = Maths.Clamp01(new Vector<float>(0.92f - (step * 0.34f)) - (slopeY * (0.5f * _swell)));
                var body = Light.Mix(deep, clear, Maths.Clamp01((crest * 0.55f) + new Vector<float>(0.25f)));
                var light = Light.Mix(body, mirrored * new Vector<float>(0.92f), (fresnel * 0.82f) + new Vector<float>(0.1f));

                var offX = ((Maths.Lanes + new Vector<float>(x - sun.X)) * (1 / unit)) + (slopeX * (0.34f * _swell * fine));
                var width = 0.05f + (below * 0.2f);
                var glint = Maths.Decay(offX * offX * (1 / (width * width))) * Maths.Smooth(0.1f, 0.75f, (slopeY * 1.1f) + new Vector<float>(0.32f + (0.3f * (1 - fine))));
                light += Light.Of(_palette.Sun) * (glint * glint * (0.5f / (1 + (below * 1.4f))));

                var foam = Maths.Smooth(0.72f, 1.05f, crest) * Maths.Smooth(0.0f, 0.35f, new Vector<float>(below));
                light = Light.Mix(light, Light.Of((_palette.Horizon * 0.6f) + (_palette.Sun * 0.04f)), foam * 0.5f);
                light = Light.Mix(light, Light.Of(Vector3.Lerp(_palette.Horizon, _palette.Fog, 0.5f)), new Vector<float>(haze * 0.75f));
                frame.Set((y * frame.Stride) + x, light);
            }
        }
    }

    /// <summary>Slope of the water across and along, and how near the top of a wave; fades out where waves get smaller than pixels.</summary>
    private (Vector<float> X, Vector<float> Y, Vector<float> Crest) Slope(Vector<float> across, Vector<float> along, float time, float fine)
    {
        // Long swells roll towards us; ripples run over them both ways.
        var swell = Noise.At((across * 0.75f) + new Vector<float>(time * 0.08f), along * 1.25f, _seed);
        var sway = swell * 0.5f;
        var a = Noise.At((across * 2.4f) + sway + new Vector<float>(time * 0.3f), (along * 3.5f) + sway, _seed + 1);
        var b = Noise.At((across * 4.6f) - new Vector<float>(time * 0.35f), (along * 7.3f) + (a * 0.5f) + new Vector<float>(time * 0.25f), _seed + 2);
        var c = Noise.At((across * 10.5f) + a + new Vector<float>(time * 0.6f), (along * 14f) + new Vector<float>(time * 0.9f), _seed + 3) * fine;
        var d = Noise.At((across * 25f) - new Vector<float>(time * 0.9f), (along * 30) + b + new Vector<float>(time * 1.3f), _seed + 4) * (fine * fine);
        // Close by, what was a ripple is a wave: finer ones take its place.
        var near = Noise.At((across * 46) + (c * 1.5f) + new Vector<float>(time * 0.8f), (along * 52) + (d * 1.5f) + new Vector<float>(time * 1.6f), _seed + 5) * (fine * fine * fine * 0.8f);
        var slopeY = (near * 0.24f) + (swell * 0.42f) + (a * 0.5f) + (b * 0.34f) + (c * 0.34f) + (d * 0.26f);
        var slopeX = (near * 0.3f) + (b * 0.6f) - (a * 0.35f) + (c * 0.5f) + (d * 0.4f);
        return (slopeX, slopeY, (swell * 0.5f) + (a * 0.6f) + (c * 0.3f) + (d * 0.15f));
    }
}
