using System.Numerics;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A storm over hills and a lake: rolling clouds that light up from inside, lightning, a few lit windows far off.</summary>
internal sealed class StormScene : Scene
{
    private const float Waterline = 0.78f;

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly int _seed;
    private readonly float _drift;
    private readonly Lightning _lightning;
    private readonly Silhouette _trees;

    public StormScene(SceneScript script, int width, int height)
    {
        var dice = new Dice(script.Seed + 10);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _sky = new Sky(_palette, _seed) { Horizon = Waterline, Clouds = 1, Disc = 0, Wind = 0.06f, Reach = Waterline };
        _lightning = new Lightning(script.Seed);
        _trees = Silhouette.Conifers(width, height, height * (Waterline - 0.004f), Math.Min(width, height) * 0.12f, 34, dice);
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var travel = _drift * (time - 2) * frame.Unit * 0.008f;
        _sky.Paint(frame, time, travel);
        _lightning.Paint(frame, time, frame.Height * (Waterline - 0.06f));
        var (unit, ground) = (frame.Unit, frame.Height * Waterline);
        var flash = _lightning.FlashAt(time) * 0.05f;
        var far = (_palette.Fog * 0.3f) + new Vector3(flash);
        Brush.Below(frame, new Skyline(ground - (unit * 0.1f), unit * 0.1f, 1.6f / unit, travel, 3.5f, 6, _seed + 5), ground - (unit * 0.22f), ground, far, far * 0.7f);
        Brush.Below(frame, new Skyline(ground - (unit * 0.035f), unit * 0.05f, 2.4f / unit, travel * 1.7f, 8.5f, 5, _seed + 6), ground - (unit * 0.1f), ground, far * 0.45f, far * 0.25f);
        for (var i = 0; i < 9; i++)
        {
            var x = (Noise.Hash(i, 1, _seed) * frame.Width) + (travel * 1.7f);
            frame.Glow(x, ground - (unit * (0.008f + (0.03f * Noise.Hash(i, 2, _seed)))), unit * 0.007f, new Vector3(1.3f, 0.75f, 0.3f) * (0.5f + Noise.Hash(i, 3, _seed)));
        }

        _trees.Paint(frame, travel * 2.4f, _palette.Shade, _palette.Shade * 0.6f);
        Brush.Mirror(frame, ground, time, _seed + 9, new Vector3(0.72f, 0.8f, 0.84f), 0.05f, _palette.Shade);
    }
}
