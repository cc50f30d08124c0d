using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A flight over a mountain range with snow on its heights and lakes in its valleys.</summary>
internal sealed class MountainScene : Scene
{
    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly Terrain _terrain;
    private readonly float _drift;
    private readonly float _horizon;
    private readonly int _seed;
    private readonly float _mist;

    public MountainScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 2);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _horizon = dice.Between(0.4f, 0.46f);
        _mist = dice.Between(0.25f, 0.6f);
        var sunX = script.Drift > 0 ? 0.24f : 0.76f;
        _sky = new Sky(_palette, _seed) { Horizon = _horizon + 0.04f, Clouds = Math.Max(script.Overcast, dice.Between(0.4f, 0.65f)), SunX = sunX, Disc = script.Overcast > 0.8f ? 0 : 0.035f };

        var winter = script.Mood == Mood.Ice || script.Weather == Weather.Snow;
        var toSun = new Vector3((sunX - 0.5f) * 4.2f, 0.5f + (_palette.SunHeight * 0.9f), 0.35f);
        var snowLine = winter ? 2 : dice.Between(48, 62);
        var green = Vector3.Lerp(Palette.Hex(0x4A5F2E), Palette.Hex(0x6E7A45), dice.Share());
        _terrain = new Terrain(HeightOf, GroundOf, toSun, _palette.Sun * 0.42f, (_palette.Zenith + _palette.Middle) * 0.42f, waterLevel: 6, _seed);

        Vector3 GroundOf(float height, float steep, float speck)
        {
            var rock = Vector3.Lerp(Palette.Hex(0x6B6259), Palette.Hex(0x8D8378), speck);
            var meadow = green * (0.75f + (0.4f * speck));
            var bare = Vector3.Lerp(meadow, rock, Maths.Smooth(0.22f, 0.42f, steep + (height * 0.0022f)));
            var snow = Maths.Smooth(snowLine - 8, snowLine + 10, height + (speck * 7) - (steep * 34)) * Maths.Smooth(0.78f, 0.5f, steep);
            return Vector3.Lerp(bare, new Vector3(0.84f, 0.89f, 0.96f), snow);
        }
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var turn = _drift * ((time * 0.012f) - 0.03f);
        _sky.Paint(frame, time, -turn * frame.Unit * 0.9f);
        var camera = new Camera
        {
            X = 512 + (_drift * 20 * MathF.Sin(time * 0.1f)),
            Z = 40 + (time * 13),
            Height = 104 + (6 * MathF.Sin(time * 0.23f)),
            Heading = turn,
            Horizon = _horizon + (0.006f * MathF.Sin(time * 0.5f)),
            Roll = _drift * 0.018f * MathF.Sin(time * 0.4f),
            Near = 30,
        };
        TerrainView.Paint(frame, _terrain, camera, AirOf, (x, z, distance, screenX) => WaterAt(x, z, distance, screenX, time));
    }

    [MethodImpl(Maths.Hot)]
    private Vector<float> HeightOf(Vector<float> x, Vector<float> z)
    {
        var (u, v) = (x * (1f / 150), z * (1f / 150));
        var warp = Noise.At(u * 1.3f, v * 1.3f, _seed + 9) * 0.35f;
        var ridge = Noise.Ridged(u + warp, v + warp, 6, _seed, 0.38f);
        var mass = Maths.Clamp01((Noise.At(u * 0.55f, v * 0.55f, _seed + 20) * 0.65f) + new Vector<float>(0.5f));
        // A valley to fly along, with walls on both sides.
        var aside = Vector.Abs(x - new Vector<float>(512)) * (1f / 230);
        var wall = Maths.Smooth(0.1f, 1, aside);
        return (ridge * ridge * (new Vector<float>(46) + (wall * 84)) * (mass + new Vector<float>(0.35f))) + (wall * 16) - new Vector<float>(4);
    }

    [MethodImpl(Maths.Hot)]
    private (Vector3 Colour, float Share) AirOf(float distance, float height, float screenX)
    {
        var toward = Maths.Decay(MathF.Abs(screenX - _sky.SunX) * 3.4f);
        var colour = Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.3f + (0.3f * toward)) + (_palette.Sun * (0.035f * toward));
        var far = Maths.Smooth(70, 760, distance);
        var low = Maths.Smooth(34, 4, height) * Maths.Smooth(60, 260, distance) * _mist;
        return (colour, Maths.Clamp01((far * 0.94f) + low));
    }

    [MethodImpl(Maths.Hot)]
    private Vector3 WaterAt(float x, float z, float distance, float screenX, float time)
    {
        var ripple = Noise.At(x * 0.45f, (z * 0.45f) + (time * 0.5f), _seed + 5) * 0.5f;
        var mirrored = _sky.ColourAt(0.35f + (ripple * 0.2f) - Math.Min(0.25f, distance * 0.0006f));
        var glint = Maths.Decay(MathF.Abs(screenX - _sky.SunX) * 16) * Maths.Smooth(0.1f, 0.5f, ripple);
        return (mirrored * 0.72f) + (_palette.Sun * (0.18f * glint));
    }
}
