using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>Fire in the dark: a camp fire among trees, or a wall of flames. Noise that rises faster than it changes, coloured by heat.</summary>
internal sealed class FireScene : Scene
{
    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly int _seed;
    private readonly bool _camp;
    private readonly float _centerX;
    private readonly Silhouette[] _trees;

    public FireScene(SceneScript script, int width, int height)
    {
        var dice = new Dice(script.Seed + 6);
        (_palette, _seed) = (script.Palette, dice.Pick(1 << 20));
        _camp = !script.Mentions("inferno", "hell", "dragon", "volcano", "lava", "blaze", "burning", "magma", "phoenix");
        _centerX = dice.Between(0.46f, 0.54f);
        _sky = new Sky(_palette, _seed) { Horizon = 0.8f, Clouds = 0.25f, Disc = 0 };
        var unit = Math.Min(width, height);
        _trees = [Silhouette.Conifers(width, height, height * 0.78f, unit * 0.34f, 26, dice), Silhouette.Conifers(width, height, height * 0.84f, unit * 0.52f, 14, dice)];
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var flicker = 0.9f + (0.1f * Noise.At(time * 5, 0.5f, _seed)) + (0.06f * Noise.At(time * 13, 4.5f, _seed));
        _sky.Paint(frame, time, 0);
        var ground = frame.Height * 0.83f;
        var warm = new Vector3(1, 0.36f, 0.09f);
        var shade = _palette.Shade * 0.6f;
        _trees[0].Paint(frame, 0, shade + (warm * 0.012f * flicker), shade + (warm * (0.03f * flicker)));
        _trees[1].Paint(frame, 0, shade * 0.7f, (shade * 0.7f) + (warm * (0.03f * flicker)));
        PaintGround(frame, ground, warm, flicker);
        var (x, y) = (_centerX * frame.Width, _camp ? frame.Height * 0.885f : frame.Height * 1.04f);
        if (_camp) PaintLogs(frame, x, y, flicker, warm);
        PaintFlames(frame, x, y, time);
        frame.Glow(x, y - (frame.Unit * 0.14f), frame.Unit * 0.95f, warm * (0.14f * flicker));
    }

    [MethodImpl(Maths.Hot)]
    private void PaintGround(Frame frame, float ground, Vector3 warm, float flicker)
    {
        var unit = frame.Unit;
        for (var y = (int)ground; y < frame.Height; y++)
        {
            var below = (y - ground) / (frame.Height - ground);
            var edge = Maths.Smooth(0, 0.12f, below);
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var dx = (Maths.Lanes + new Vector<float>(x - (_centerX * frame.Width))) * (1 / unit);
                var grain = Noise.Fbm(dx * (9 / (0.4f + below)), new Vector<float>(22 / (0.4f + below)), 3, _seed + 8);
                var lit = Maths.Decay(Vector.Abs(dx) * 2.3f) * (0.3f * flicker * (0.35f + below)) * (new Vector<float>(0.9f) + (grain * 0.8f));
                frame.Cover((y * frame.Stride) + x, Light.Of(_palette.Shade * 0.5f) + (Light.Of(warm) * lit), new Vector<float>(edge));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void PaintLogs(Frame frame, float x, float y, float flicker, Vector3 warm)
    {
        var unit = frame.Unit;
        for (var log = 0; log < 5; log++)
        {
            var angle = -0.5f + (0.25f * log);
            for (var step = -60; step <= 60; step++)
            {
                var along = step / 60f;
                var (px, py) = (x + (along * unit * 0.15f), y + (along * angle * unit * 0.1f) - (unit * 0.004f * log));
                var glow = Maths.Smooth(0.75f, 0.1f, MathF.Abs(along)) * flicker;
                var heat = MathF.Max(0, Noise.At(step * 0.16f, log * 3.7f, _seed + 9)) * glow;
                frame.Disc(px, py, unit * 0.0125f, (_palette.Shade * 0.4f) + (warm * ((0.06f * glow) + (heat * 0.9f))));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void PaintFlames(Frame frame, float centerX, float baseY, float time)
    {
        var small = frame.Smaller(2);
        var (sx, sy) = (centerX / 2, baseY / 2);
        var unit = small.Unit;
        var (tall, broad) = _camp ? (0.6f, 0.19f) : (0.95f, 3.2f);
        for (var y = 0; y < small.Height; y++)
        {
            var up = (sy - y) / unit;
            var height = up / tall;
            var row = y * small.Stride;
            if (height is < -0.06f or > 1.25f)
            {
                for (var x = 0; x < small.Stride; x += Maths.LaneCount) small.Set(row + x, Light.Of(Vector3.Zero));
                continue;
            }

            var lean = Noise.At(time * 0.5f, up * 1.2f, _seed + 3) * 0.1f * up;
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var u = ((Maths.Lanes + new Vector<float>(x - sx)) * (1 / unit)) + new Vector<float>(lean);
                var v = new Vector<float>(up);
                var swirl = Noise.At(u * 3.4f, (v * 2.6f) - new Vector<float>(time * 1.7f), _seed + 1);
                var bent = u + (swirl * (0.05f + (0.07f * Math.Max(0, height))));
                var tongues = Noise.Fbm(bent * 7.4f, (v * 3.6f) - new Vector<float>(time * 2.9f) + (swirl * 0.5f), 4, _seed, 0.52f);
                var wide = Vector.Abs(bent) * (1 / (broad * MathF.Max(0.25f, 1.08f - (height * 0.55f))));
                var body = new Vector<float>(0.86f - (height * 0.92f)) - (wide * wide * (0.7f + (0.5f * MathF.Max(0, height))));
                var heat = body + (tongues * (0.6f + (0.55f * MathF.Max(0, height))));
                heat *= Maths.Smooth(-0.05f, 0.05f, new Vector<float>(height));
                small.Set(row + x, Heat(Maths.Clamp01(heat * 0.92f)));
            }
        }

        frame.AddStretched(small);
    }

    /// <summary>From black over red and orange to nearly white, much brighter than white at the core.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Light Heat(Vector<float> heat)
    {
        var square = heat * heat;
        return new Light(
            (Maths.Smooth(0.08f, 0.6f, heat) * 0.85f) + (square * 1.25f),
            (Maths.Smooth(0.24f, 0.95f, heat) * 0.42f) + (square * square * 0.75f),
            (Maths.Smooth(0.6f, 1.1f, heat) * 0.16f) + (square * square * square * 0.25f));
    }
}
