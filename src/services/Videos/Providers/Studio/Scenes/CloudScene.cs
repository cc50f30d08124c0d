using System.Numerics;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A flight just above a sea of clouds: towers of vapour, soft light, deep gaps.</summary>
internal sealed class CloudScene : Scene
{
    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly Terrain _clouds;
    private readonly float _drift;
    private readonly float _horizon;
    private readonly int _seed;

    public CloudScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 4);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _horizon = dice.Between(0.44f, 0.52f);
        _sky = new Sky(_palette, _seed) { Horizon = _horizon + 0.02f, Clouds = 0.22f, SunX = dice.Between(0.3f, 0.7f), Disc = 0.05f };
        var toSun = new Vector3((_sky.SunX - 0.5f) * 3.4f, 0.5f + (_palette.SunHeight * 0.6f), 0.8f);
        var ambient = (_palette.Zenith * 0.35f) + (_palette.Middle * 0.4f) + (_palette.Horizon * 0.22f);
        _clouds = new Terrain(
            HeightOf,
            (height, _, _) => Vector3.Lerp(_palette.Fog * 0.75f, new Vector3(0.95f), Maths.Smooth(2, 40, height)),
            toSun,
            _palette.Sun * 0.22f,
            ambient,
            float.NaN,
            _seed);
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var turn = _drift * 0.012f * time;
        _sky.Paint(frame, time, -turn * frame.Unit * 0.9f);
        var camera = new Camera
        {
            X = 512 + (_drift * 14 * MathF.Sin(time * 0.12f)),
            Z = 40 + (time * 17),
            Height = 66 + (3 * MathF.Sin(time * 0.4f)),
            Heading = turn,
            Horizon = _horizon + (0.006f * MathF.Sin(time * 0.6f)),
            Roll = _drift * 0.03f * MathF.Sin(time * 0.35f),
            Near = 16,
            Far = 640,
        };
        TerrainView.Paint(frame, _clouds, camera, AirOf, null);
    }

    /// <summary>Heaps upon heaps: round on top, pinched between, as rising air makes them.</summary>
    private Vector<float> HeightOf(Vector<float> x, Vector<float> z)
    {
        var (u, v) = (x * (1f / 105), z * (1f / 105));
        var warp = Noise.At(u * 1.1f, v * 1.1f, _seed + 5) * 0.4f;
        var (height, strength) = (Vector<float>.Zero, 30f);
        for (var octave = 0; octave < 6; octave++)
        {
            var heap = Vector<float>.One - Vector.Abs(Noise.At(u + warp, v + warp, _seed + octave) * 1.5f);
            heap = Vector.Max(Vector<float>.Zero, Vector<float>.One - ((Vector<float>.One - heap) * (Vector<float>.One - heap)));
            height += heap * strength;
            strength *= 0.46f;
            (u, v) = ((u * 1.75f) + (v * 0.9f), (v * 1.75f) - (u * 0.9f));
        }

        var mass = Noise.At(x * (1f / 260), z * (1f / 260), _seed + 30);
        return (height * (new Vector<float>(0.72f) + (mass * 0.55f))) - new Vector<float>(12);
    }

    private (Vector3 Colour, float Share) AirOf(float distance, float height, float screenX)
    {
        var toward = Maths.Decay(MathF.Abs(screenX - _sky.SunX) * 2.6f);
        var colour = Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.35f + (0.45f * toward)) + (_palette.Sun * (0.05f * toward));
        var far = Maths.Smooth(30, 620, distance);
        var low = Maths.Smooth(16, -8, height) * 0.4f;
        return (colour, Maths.Clamp01((far * 0.95f) + low));
    }
}
