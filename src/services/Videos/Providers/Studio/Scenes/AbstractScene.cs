using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>Flowing silk: noise that bends itself three times over gives folds, their slope gives light and shine.</summary>
internal sealed class AbstractScene : Scene
{
    private const int Margin = 16; // the slope at the right edge looks one place further

    private readonly Palette _palette;
    private readonly int _seed;
    private readonly float _scale;
    private readonly float _angleSin;
    private readonly float _angleCos;

    public AbstractScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 13);
        (_palette, _seed, _scale) = (script.Palette, dice.Pick(1 << 20), dice.Between(0.8f, 1.15f));
        (_angleSin, _angleCos) = MathF.SinCos(dice.Between(-0.7f, 0.7f));
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var small = frame.Smaller(2);
        var heights = small.Scratch(1, (small.Stride + Margin) * small.Height + Margin);
        var hues = small.Scratch(2, (small.Stride + Margin) * small.Height + Margin);
        Fold(small, heights, hues, moment.Time);
        Shine(small, heights, hues);
        frame.Stretch(small);
        Sparks(frame, moment.Time);
    }

    [MethodImpl(Maths.Hot)]
    private void Fold(Frame small, float[] heights, float[] hues, float time)
    {
        var unit = _scale / small.Unit;
        for (var y = 0; y < small.Height; y++)
        {
            var py = (y - (small.Height / 2f)) * unit;
            for (var x = 0; x < small.Stride + Margin; x += Maths.LaneCount)
            {
                var px = (Maths.Lanes + new Vector<float>(x - (small.Width / 2f))) * unit;
                var (u, v) = (((px * _angleCos) + new Vector<float>(py * _angleSin)) * 0.9f, (new Vector<float>(py * _angleCos) - (px * _angleSin)) * 1.5f);
                var a = Noise.At(u + new Vector<float>(time * 0.1f), v - new Vector<float>(time * 0.06f), _seed);
                var b = Noise.At((u * 1.3f) + (a * 1.1f) + new Vector<float>(4.1f), (v * 1.3f) + (a * 0.9f) + new Vector<float>(time * 0.12f), _seed + 1);
                var c = Noise.At((u * 1.1f) + (b * 1.5f) - new Vector<float>(time * 0.08f), (v * 1.1f) - (b * 1.3f) + (a * 0.7f), _seed + 2);
                var folds = Noise.At((c * 2.6f) + (u * 0.8f), (b * 2.6f) + (v * 0.8f) + new Vector<float>(time * 0.1f), _seed + 3);
                var at = (y * (small.Stride + Margin)) + x;
                Maths.Store((c * 0.55f) + (folds * 0.5f), heights, at);
                Maths.Store((a * 0.45f) + (b * 0.5f), hues, at);
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Shine(Frame small, float[] heights, float[] hues)
    {
        var steep = small.Unit * 0.11f;
        for (var y = 0; y < small.Height; y++)
        {
            var pitch = small.Stride + Margin;
            var (row, next) = (y * pitch, Math.Min(y + 1, small.Height - 1) * pitch);
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var height = Maths.Load(heights, row + x);
                var slopeX = (Maths.Load(heights, row + x + 1) - height) * steep;
                var slopeY = (Maths.Load(heights, next + x) - height) * steep;
                var length = Vector.SquareRoot((slopeX * slopeX) + (slopeY * slopeY) + Vector<float>.One);
                var facing = ((slopeX * -0.55f) + (slopeY * -0.62f) + new Vector<float>(0.56f)) / length;
                var diffuse = Maths.Clamp01(facing);
                var shine = diffuse * diffuse;
                shine *= shine;
                shine *= shine;
                var hue = Maths.Clamp01((Maths.Load(hues, row + x) * 1.25f) + new Vector<float>(0.48f));
                var first = Light.Mix(_palette.Zenith * 1.6f, _palette.Accent, Maths.Smooth(0.1f, 0.52f, hue));
                var colour = Light.Mix(first, Light.Of(_palette.Accent2), Maths.Smooth(0.5f, 0.92f, hue));
                var light = (colour * ((diffuse * 1.05f) + new Vector<float>(0.08f))) + (Light.Of((_palette.Horizon * 0.6f) + new Vector3(0.35f)) * (shine * 0.62f));
                small.Set((y * small.Stride) + x, light);
            }
        }
    }

    private void Sparks(Frame frame, float time)
    {
        for (var i = 0; i < 70; i++)
        {
            var depth = Noise.Hash(i, 1, _seed);
            var x = Noise.Hash(i, 2, _seed) + (0.05f * Noise.At(time * 0.25f, i * 3.3f, _seed + 5)) + (time * 0.012f * (depth - 0.5f));
            var y = Noise.Hash(i, 3, _seed) + (0.05f * Noise.At(time * 0.25f, i * 5.7f, _seed + 6));
            var pulse = 0.5f + (0.5f * MathF.Sin((time * 1.7f) + (i * 1.3f)));
            frame.Glow(x * frame.Width, y * frame.Height, frame.Unit * (0.003f + (0.012f * depth * depth)), (_palette.Horizon + new Vector3(0.3f)) * (0.55f * pulse * (1.15f - depth)));
        }
    }
}
