using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>Dunes to the horizon: sharp crests, one side lit and one in shade, sand blowing off them.</summary>
internal sealed class DesertScene : Scene
{
    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly Terrain _terrain;
    private readonly float _drift;
    private readonly float _horizon;
    private readonly int _seed;

    public DesertScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 3);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _horizon = dice.Between(0.42f, 0.5f);
        var sunX = script.Drift > 0 ? dice.Between(0.22f, 0.34f) : dice.Between(0.66f, 0.78f);
        _sky = new Sky(_palette, _seed) { Horizon = _horizon + 0.03f, Clouds = dice.Between(0.12f, 0.35f), SunX = sunX, Disc = 0.06f };
        var toSun = new Vector3((sunX - 0.5f) * 5f, 0.3f + (_palette.SunHeight * 0.16f), 0.4f);
        var sand = Vector3.Lerp(Palette.Hex(0xC98A4B), Palette.Hex(0xE0B375), dice.Share());
        _terrain = new Terrain(
            HeightOf,
            (height, steep, speck) => sand * (0.86f + (0.16f * speck) + (height * 0.003f)),
            toSun,
            _palette.Sun * 0.34f,
            (_palette.Zenith * 0.4f) + (_palette.Middle * 0.18f),
            float.NaN,
            _seed);
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var turn = _drift * (0.04f - (time * 0.01f));
        _sky.Paint(frame, time, -turn * frame.Unit * 0.9f);
        var (x, z) = (512 + (_drift * time * 2.2f), 60 + (time * 7));
        var camera = new Camera
        {
            X = x,
            Z = z,
            Height = 44 + (2 * MathF.Sin(time * 0.3f)),
            Heading = turn,
            Horizon = _horizon,
            Near = 14,
            Far = 700,
        };
        TerrainView.Paint(frame, _terrain, camera, AirOf, null);
    }

    /// <summary>Waves of sand: steep to the lee, gentle to the wind, bent by a slow warp so that no crest is straight.</summary>
    [MethodImpl(Maths.Hot)]
    private Vector<float> HeightOf(Vector<float> x, Vector<float> z)
    {
        var (u, v) = (x * (1f / 120), z * (1f / 120));
        var bend = Noise.Fbm(u * 0.7f, v * 0.7f, 3, _seed + 3);
        var phase = (v * 1.55f) + (u * 0.5f) + (bend * 0.9f);
        var along = phase - Vector.Floor(phase);
        var windward = along * (1f / 0.68f);
        var lee = (Vector<float>.One - along) * (1f / 0.32f);
        var dune = Vector.Min(windward, lee);
        dune = dune * dune * (new Vector<float>(1.9f) - (dune * 0.9f));
        var size = Maths.Clamp01((Noise.At(u * 0.9f, v * 0.6f, _seed + 6) * 0.7f) + new Vector<float>(0.55f));
        var ripples = Noise.Ridged(u * 9 + bend, v * 17, 2, _seed + 8) * 0.9f;
        return (dune * ((size * 24) + new Vector<float>(3))) + (Noise.Fbm(u * 0.4f, v * 0.4f, 2, _seed + 1) * 12) + ripples;
    }

    [MethodImpl(Maths.Hot)]
    private (Vector3 Colour, float Share) AirOf(float distance, float height, float screenX)
    {
        var toward = Maths.Decay(MathF.Abs(screenX - _sky.SunX) * 3);
        var colour = Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.45f) + (_palette.Sun * (0.04f * toward));
        return (colour, Maths.Smooth(60, 720, distance) * 0.96f);
    }
}
