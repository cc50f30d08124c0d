using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A flight just above a sea of clouds: towers of vapour, soft light, deep gaps.</summary>
internal sealed class CloudScene : Scene
{
    private const int Divisor = 5;

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
            (height, _, _) => Vector3.Lerp(_palette.Fog * 0.6f, new Vector3(0.98f), Maths.Smooth(6, 58, height)),
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
            Height = 61 + (3 * MathF.Sin(time * 0.4f)),
            Heading = turn,
            Horizon = _horizon + (0.006f * MathF.Sin(time * 0.6f)),
            Roll = _drift * 0.03f * MathF.Sin(time * 0.35f),
            Near = 16,
            Far = 640,
        };
        March(frame, camera);
    }

    /// <summary>
    /// Clouds have no surface: each ray goes on through them and gathers light until nothing more comes through. Far above the heaps it goes in
    /// leaps, inside them in small steps; at a fifth of the size, as nothing here is sharp.
    /// </summary>
    [MethodImpl(Maths.Hot)]
    private void March(Frame frame, Camera camera)
    {
        var small = frame.Smaller(Divisor);
        var through = small.Scratch(1, small.R.Length);
        var (sin, cos) = MathF.SinCos(camera.Heading);
        var focal = camera.Zoom * small.Unit;
        for (var y = 0; y < small.Height; y++)
        {
            for (var x = 0; x < small.Width; x++)
            {
                var side = (x + 0.5f - (small.Width / 2f)) / focal;
                var screenX = (x + 0.5f) / small.Width;
                var horizon = small.Height * (camera.Horizon + (camera.Roll * (screenX - 0.5f)));
                var (light, rest) = Gather(camera, new Vector3(sin + (side * cos), (horizon - y - 0.5f) / focal, cos - (side * sin)), screenX);
                var at = (y * small.Stride) + x;
                (small.R[at], small.G[at], small.B[at], through[at]) = (light.X, light.Y, light.Z, rest);
            }
        }

        Lay(frame, small, through);
    }

    /// <summary>Lays the clouds over the sky, which shines through by that share.</summary>
    [MethodImpl(Maths.Hot)]
    private static void Lay(Frame frame, Frame small, float[] through)
    {
        var (r, g, b) = frame.Stretched(small);
        var clear = frame.Stretched(small, through, 3);
        for (var y = 0; y < frame.Height; y++)
        {
            var (red, green, blue, share) = (r.Row(y), g.Row(y), b.Row(y), clear.Row(y));
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var at = (y * frame.Stride) + x;
                frame.Set(at, (frame.Get(at) * share.At(x)) + new Light(red.At(x), green.At(x), blue.At(x)));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private (Vector3 Light, float Through) Gather(Camera camera, Vector3 ray, float screenX)
    {
        var (light, through) = (Vector3.Zero, 1f);
        if (ray.Y > 0.25f) return (light, through); // nothing rises that high
        for (var distance = camera.Near; distance < camera.Far && through > 0.03f;)
        {
            var place = new Vector3(camera.X, camera.Height, camera.Z) + (ray * distance);
            var over = place.Y - _clouds.HeightAt(place.X, place.Z);
            var soft = 2.2f + (distance * 0.012f);
            if (over > soft)
            {
                distance += MathF.Max(1.2f, (over - soft) * 0.7f);
                continue;
            }

            var step = MathF.Max(1, distance * 0.014f);
            var density = Maths.Clamp01((soft - over) / (soft * 3));
            var held = 1 - Maths.Decay(density * step * 0.55f);
            var (mist, share) = AirOf(distance, place.Y, screenX);
            var cloud = Vector3.Lerp(_clouds.ColourAt(place.X, place.Z), mist, share);
            light += cloud * (through * held);
            through *= 1 - held;
            distance += step;
        }

        return (light, through);
    }

    /// <summary>Heaps upon heaps: round on top, pinched between, as rising air makes them.</summary>
    [MethodImpl(Maths.Hot)]
    private Vector<float> HeightOf(Vector<float> x, Vector<float> z)
    {
        var (u, v) = (x * (1f / 105), z * (1f / 105));
        var warp = Noise.At(u * 1.1f, v * 1.1f, _seed + 5) * 0.4f;
        var (height, strength, total) = (Vector<float>.Zero, 1f, 0f);
        for (var octave = 0; octave < 6; octave++)
        {
            var pinch = Vector.Min(Vector<float>.One, Vector.Abs(Noise.At(u + warp, v + warp, _seed + octave)) * 1.5f);
            height += (Vector<float>.One - (pinch * pinch)) * strength;
            total += strength;
            strength *= 0.46f;
            (u, v) = ((u * 1.75f) + (v * 0.9f), (v * 1.75f) - (u * 0.9f));
        }

        height *= 1 / total;
        var mass = Noise.At(x * (1f / 190), z * (1f / 190), _seed + 30);
        return height * height * height * (new Vector<float>(50) + (mass * 44));
    }

    [MethodImpl(Maths.Hot)]
    private (Vector3 Colour, float Share) AirOf(float distance, float height, float screenX)
    {
        var toward = Maths.Decay(MathF.Abs(screenX - _sky.SunX) * 2.6f);
        var colour = Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.35f + (0.45f * toward)) + (_palette.Sun * (0.05f * toward));
        var far = Maths.Smooth(60, 680, distance);
        var low = Maths.Smooth(26, -8, height) * 0.35f;
        return (colour, Maths.Clamp01((far * 0.95f) + low));
    }
}
