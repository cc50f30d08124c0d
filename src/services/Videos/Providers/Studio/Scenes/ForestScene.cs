using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A wood in layers of mist: firs far off, trunks close by, the sun's shafts between them.</summary>
internal sealed class ForestScene : Scene
{
    private const int Layers = 5;

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly Silhouette[] _rows = new Silhouette[Layers];
    private readonly float _drift;
    private readonly int _seed;
    private readonly float _sunX;
    private readonly float _bright;
    private readonly Vector3 _leaves;

    public ForestScene(SceneScript script, int width, int height)
    {
        var dice = new Dice(script.Seed + 7);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _sunX = dice.Between(0.36f, 0.64f);
        _leaves = script.Mood is Mood.Day or Mood.Golden or Mood.Pastel ? new Vector3(0.86f, 1.04f, 0.66f) : Vector3.One; // light that came through leaves
        _bright = script.Mood is Mood.Night ? 0.35f : 1;
        _sky = new Sky(_palette with { Zenith = Vector3.Lerp(_palette.Zenith, _palette.Horizon, 0.45f), Middle = Vector3.Lerp(_palette.Middle, _palette.Horizon, 0.65f) }, _seed) { Horizon = 0.82f, Clouds = 0.15f, SunX = _sunX, Disc = script.Mood == Mood.Night ? 0.05f : 0.04f };
        var unit = Math.Min(width, height);
        for (var layer = 0; layer < Layers; layer++)
        {
            var near = layer / (Layers - 1f);
            _rows[layer] = layer >= Layers - 2
                ? Silhouette.Trunks(width, height, height * (layer == Layers - 1 ? 0.95f : 0.885f), unit * (layer == Layers - 1 ? 0.085f : 0.034f), Math.Max(3, (int)((layer == Layers - 1 ? 3.4f : 6.5f) * width / unit)), dice)
                : Silhouette.Conifers(width, height, height * (0.74f + (0.06f * layer)), unit * (0.26f + (0.22f * near * near) + (0.17f * near)) * 1.5f, (int)((30 - (18 * near)) * width / unit / 1.2f) + 5, dice);
        }
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var travel = _drift * (time - 2) * frame.Unit;
        _sky.Paint(frame, time, travel * 0.002f);
        var mist = Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.4f) * _leaves;
        var green = Vector3.Lerp(_palette.Shade, new Vector3(0.008f, 0.03f, 0.016f), 0.5f) * 0.7f;
        for (var layer = 0; layer < Layers; layer++)
        {
            var near = layer / (Layers - 1f);
            var high = Vector3.Lerp(mist * 0.82f, green, MathF.Min(1, 0.24f + (0.9f * near))) * _bright;
            var low = Vector3.Lerp(high, mist * _bright, 0.42f * (1 - near));
            _rows[layer].Paint(frame, travel * (0.004f + (0.028f * near * near)), high, low);
            if (layer < Layers - 1) Mist(frame, mist * _bright, time, layer);
            if (layer == 1) frame.Glow(_sunX * frame.Width, frame.Height * 0.42f, frame.Unit * 0.75f, _palette.Sun * (0.045f * _bright));
            if (layer == 2) Brush.Shafts(frame, _sunX * frame.Width, -frame.Height * 0.25f, time, _seed + 50, _palette.Sun * (0.032f * _bright), 5.5f);
        }

        Brush.Shafts(frame, _sunX * frame.Width, -frame.Height * 0.25f, time, _seed + 60, _palette.Sun * (0.022f * _bright), 3.6f);
    }

    /// <summary>A bank of mist that creeps along the ground in front of a row.</summary>
    [MethodImpl(Maths.Hot)]
    private void Mist(Frame frame, Vector3 mist, float time, int layer)
    {
        var small = frame.Smaller(8);
        var level = small.Height * (0.7f + (0.065f * layer));
        for (var y = 0; y < small.Height; y++)
        {
            var band = MathF.Exp(-MathF.Pow((y - level) / (small.Height * 0.12f), 2));
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var u = (Maths.Lanes + new Vector<float>(x)) * (1 / small.Unit);
                var wisps = Noise.Fbm((u * 2.2f) + new Vector<float>(time * _drift * (0.06f + (0.03f * layer))), new Vector<float>((y / small.Unit * 5) + (layer * 7)), 3, _seed + 80 + layer);
                Maths.Store(Maths.Clamp01((wisps * 0.55f) + new Vector<float>(0.55f)) * (band * (0.42f - (0.1f * layer))), small.R, (y * small.Stride) + x);
            }
        }

        var cover = frame.Stretched(small, small.R, 0);
        var light = Light.Of(mist);
        for (var y = 0; y < frame.Height; y++)
        {
            var row = cover.Row(y);
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount) frame.Cover((y * frame.Stride) + x, light, row.At(x));
        }
    }
}
