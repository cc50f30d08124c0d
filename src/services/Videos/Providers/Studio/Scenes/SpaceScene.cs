using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>Deep space: a coloured nebula, stars at three depths, and a planet with its ring and moon coming past, or a galaxy turning.</summary>
internal sealed class SpaceScene : Scene
{
    private readonly Palette _palette;
    private readonly int _seed;
    private readonly float _drift;
    private readonly bool _galaxy;
    private readonly Planet _planet;
    private readonly Planet _moon;
    private readonly (float X, float Y, float Depth, float Size, Vector3 Tint)[] _stars = new (float, float, float, float, Vector3)[1100];

    public SpaceScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 9);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _galaxy = script.Mentions("galaxy", "milky", "wormhole", "spiral", "supernova");
        if (script.Mood != Mood.Noir) _palette = Gas(_palette, dice);
        for (var i = 0; i < _stars.Length; i++)
        {
            var tint = Vector3.Lerp(new Vector3(1, 0.8f, 0.62f), new Vector3(0.68f, 0.82f, 1), dice.Share());
            _stars[i] = (dice.Between(-0.3f, 1.3f), dice.Between(-0.3f, 1.3f), MathF.Pow(dice.Share(), 2), MathF.Pow(dice.Share(), 9), tint);
        }

        var gas = dice.Chance(0.55f);
        _planet = new Planet(
            dice.Between(0.5f, 0.72f), dice.Between(0.5f, 0.66f), dice.Between(0.25f, 0.36f), gas,
            Vector3.Lerp(_palette.Accent, new Vector3(0.75f, 0.5f, 0.32f), 0.5f), Vector3.Lerp(_palette.Accent2, new Vector3(0.9f, 0.82f, 0.7f), 0.5f),
            Ring: gas || script.Mentions("saturn", "ring"), dice.Pick(1 << 20));
        _moon = new Planet(dice.Between(0.18f, 0.3f), dice.Between(0.22f, 0.36f), 0.045f, false, new Vector3(0.4f, 0.38f, 0.36f), new Vector3(0.62f), false, dice.Pick(1 << 20));
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        PaintNebula(frame, time);
        if (_galaxy) PaintGalaxy(frame, time);
        PaintStars(frame, time);
        if (_galaxy) return;
        var light = Vector3.Normalize(new Vector3(-0.62f * _drift, -0.4f, 0.72f));
        PaintPlanet(frame, _moon, time, light, -_drift * time * 0.012f);
        PaintPlanet(frame, _planet, time, light, -_drift * time * 0.02f);
    }

    /// <summary>Glowing gas has colours of its own: pairs that the eye knows from long exposures.</summary>
    private static Palette Gas(Palette palette, Dice dice)
    {
        var (one, two) = dice.Of((0xFF3D7A, 0x3B6BFF), (0x16C2B0, 0x8A3BFF), (0xFF8A3D, 0x1F9BD1), (0xC13BFF, 0x3BD4FF), (0xFF5A4A, 0x7A4BFF));
        return palette with { Accent = Vector3.Lerp(Palette.Hex(one), palette.Accent, 0.2f), Accent2 = Vector3.Lerp(Palette.Hex(two), palette.Accent2, 0.2f) };
    }

    [MethodImpl(Maths.Hot)]
    private void PaintNebula(Frame frame, float time)
    {
        var small = frame.Smaller(4);
        var unit = 1 / small.Unit;
        var dark = _palette.Zenith * 0.14f;
        for (var y = 0; y < small.Height; y++)
        {
            var v = new Vector<float>((y - (small.Height / 2f)) * unit);
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var u = ((Maths.Lanes + new Vector<float>(x - (small.Width / 2f))) * unit) + new Vector<float>(_drift * time * 0.012f);
                var warpX = Noise.Fbm(u * 1.1f, (v * 1.1f) + new Vector<float>(time * 0.015f), 3, _seed) * 0.75f;
                var warpY = Noise.Fbm((u * 1.1f) + new Vector<float>(5.2f), v * 1.1f, 3, _seed + 3) * 0.75f;
                var gas = Noise.Fbm((u * 1.5f) + warpX, (v * 1.5f) + warpY, 6, _seed + 6, 0.56f);
                var dust = Noise.Ridged((u * 1.9f) + warpY, (v * 1.9f) - warpX, 5, _seed + 14, 0.55f);
                var cloud = Maths.Smooth(-0.35f, 0.75f, gas);
                var hue = Maths.Clamp01((warpX * 1.1f) + new Vector<float>(0.5f));
                var glow = Light.Mix(_palette.Accent, _palette.Accent2, hue) * (cloud * (new Vector<float>(0.25f) + cloud) * (_galaxy ? 0.22f : 1.05f));
                var core = Light.Of(Vector3.One) * (Maths.Smooth(0.4f, 1.05f, gas) * (_galaxy ? 0.05f : 0.4f));
                var veil = Vector<float>.One - (Maths.Smooth(0.45f, 0.85f, dust) * 0.72f);
                small.Set((y * small.Stride) + x, Light.Of(dark) + ((glow + core) * veil));
            }
        }

        frame.Stretch(small);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintStars(Frame frame, float time)
    {
        foreach (var (x, y, depth, size, tint) in _stars)
        {
            // The nearer a star, the faster it goes by and the more it comes toward us.
            var zoom = 1 + (time * (0.004f + (0.02f * depth)));
            var px = ((x - 0.5f) * zoom * frame.Width) + (frame.Width / 2f) + (_drift * time * frame.Unit * (0.002f + (0.018f * depth)));
            var py = ((y - 0.5f) * zoom * frame.Height) + (frame.Height / 2f);
            var bright = 0.2f + (3.2f * size) + (0.4f * depth);
            var radius = frame.Unit * (0.0016f + (0.0034f * size) + (0.0008f * depth));
            frame.Glow(px, py, radius, tint * (bright * (0.85f + (0.15f * MathF.Sin((time * 3) + (x * 90))))));
            if (size < 0.45f) continue;
            frame.Glow(px, py, radius * 7, tint * (0.08f * size));
            Brush.Streak(frame, px, py - (radius * 9), px, py + (radius * 9), 1.2f, tint * (0.35f * size));
        }
    }

    [MethodImpl(Maths.Hot)]
    private void PaintGalaxy(Frame frame, float time)
    {
        var small = frame.Smaller(2);
        var unit = 1 / small.Unit;
        var (tiltSin, tiltCos) = MathF.SinCos(0.5f);
        for (var y = 0; y < small.Height; y++)
        {
            var dy = (y - (small.Height * 0.5f)) * unit;
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var dx = (Maths.Lanes + new Vector<float>(x - (small.Width * 0.5f))) * unit;
                var (px, py) = ((dx * tiltCos) + new Vector<float>(dy * tiltSin), (new Vector<float>(dy * tiltCos) - (dx * tiltSin)) * 2.3f);
                var radius = Vector.SquareRoot((px * px) + (py * py)) + new Vector<float>(0.002f);
                // Turning every point by an angle that grows with the radius winds straight noise into arms.
                var wind = (Vector.Log(radius) * 2.4f) + new Vector<float>(time * 0.05f * _drift);
                var (sin, cos) = (Vector.Sin(wind), Vector.Cos(wind));
                var (u, v) = ((px * cos) - (py * sin), (px * sin) + (py * cos));
                var angle = (u / radius * (u / radius) * 2) - Vector<float>.One; // cos of twice the angle: two arms
                var fine = Noise.Fbm(u * 7, v * 7, 5, _seed + 21, 0.6f);
                var arms = Maths.Smooth(-0.35f, 0.95f, angle + (fine * 0.75f));
                var disk = Maths.Decay(radius * 4.2f);
                var core = Maths.Decay(radius * radius * 220);
                var glow = Light.Mix(_palette.Accent2 + new Vector3(0.12f, 0.12f, 0.2f), _palette.Accent + new Vector3(0.15f, 0.1f, 0.06f), Maths.Clamp01(fine + new Vector<float>(0.35f)));
                var light = (glow * (arms * disk * (new Vector<float>(1.1f) + fine) * 1.5f)) + (Light.Of(new Vector3(1.5f, 1.15f, 0.8f)) * ((core * 2.2f) + (Maths.Decay(radius * 13) * 0.55f)));
                small.Set((y * small.Stride) + x, light);
            }
        }

        frame.AddStretched(small);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintPlanet(Frame frame, Planet planet, float time, Vector3 toSun, float shift)
    {
        var radius = planet.Radius * frame.Unit * (1 + (time * 0.006f));
        var (cx, cy) = ((planet.X * frame.Width) + (shift * frame.Unit), planet.Y * frame.Height);
        var air = _palette.Accent2 * 0.6f;
        if (planet.Ring) PaintRing(frame, planet, cx, cy, radius, behind: true);
        var reach = radius * 1.09f;
        for (var y = Math.Max(0, (int)(cy - reach)); y < Math.Min(frame.Height, cy + reach); y++)
        {
            var dy = (y + 0.5f - cy) / radius;
            for (var x = Math.Max(0, (int)(cx - reach)) & ~(Maths.LaneCount - 1); x < Math.Min(frame.Width, cx + reach); x += Maths.LaneCount)
            {
                var dx = (Maths.Lanes + new Vector<float>(x + 0.5f - cx)) * (1 / radius);
                var square = (dx * dx) + new Vector<float>(dy * dy);
                var distance = Vector.SquareRoot(square);
                if (!Vector.LessThanAny(distance, new Vector<float>(1.09f))) continue;
                var cover = Maths.Clamp01((Vector<float>.One - distance) * radius + new Vector<float>(0.5f));
                var depth = Vector.SquareRoot(Vector.Max(Vector<float>.Zero, Vector<float>.One - square));
                var lit = Maths.Smooth(-0.08f, 0.9f, (dx * toSun.X) + new Vector<float>(dy * toSun.Y) + (depth * toSun.Z));
                var surface = Surface(planet, dx, dy, depth, time);
                var rim = (Vector<float>.One - depth) * (Vector<float>.One - depth);
                var light = (surface * ((lit * 1.15f) + new Vector<float>(0.006f))) + (Light.Of(air) * (rim * lit * 1.1f));
                var at = (y * frame.Stride) + x;
                frame.Cover(at, light, cover);
                var halo = Maths.Clamp01((new Vector<float>(1.09f) - distance) * 11) * (Vector<float>.One - cover);
                frame.Set(at, frame.Get(at) + (Light.Of(air) * (halo * halo * Maths.Smooth(-0.35f, 0.8f, (dx * toSun.X) + new Vector<float>(dy * toSun.Y)) * 0.42f)));
            }
        }

        if (planet.Ring) PaintRing(frame, planet, cx, cy, radius, behind: false);
    }

    [MethodImpl(Maths.Hot)]
    private Light Surface(Planet planet, Vector<float> dx, float dy, Vector<float> depth, float time)
    {
        var turned = new Vector<float>(time * 0.035f * _drift);
        // Longitude stretched toward the rim, as on a ball.
        var u = (dx * (new Vector<float>(1.45f) - (depth * 0.45f))) + turned;
        var v = new Vector<float>(dy * 1.2f);
        if (planet.Gas)
        {
            var bend = Noise.Fbm(u * 2.4f, v * 5, 4, planet.Seed) * 0.11f;
            var bands = Noise.Fbm((u * 0.35f) + bend, (v + bend) * 7.5f, 4, planet.Seed + 5);
            var fine = Noise.Fbm((u * 2) + (bend * 6), (v + (bend * 0.7f)) * 24, 3, planet.Seed + 9);
            return Light.Mix(planet.One * 0.62f, planet.Two, Maths.Clamp01((bands * 0.8f) + (fine * 0.28f) + new Vector<float>(0.5f)));
        }

        var land = Noise.Fbm(u * 1.8f, v * 1.8f, 7, planet.Seed, 0.56f);
        var ground = Light.Mix(planet.One * 0.3f, planet.Two * 0.85f, Maths.Smooth(-0.3f, 0.55f, land));
        var cloud = Maths.Smooth(0.12f, 0.7f, Noise.Fbm((u * 2.3f) + (turned * 0.7f) + (land * 0.3f), v * 4, 5, planet.Seed + 20));
        return planet.Radius < 0.1f ? ground : Light.Mix(ground, Light.Of(new Vector3(0.85f)), cloud * 0.75f);
    }

    [MethodImpl(Maths.Hot)]
    private static void PaintRing(Frame frame, Planet planet, float cx, float cy, float radius, bool behind)
    {
        const float Tilt = 0.2f;
        const float Lean = 0.26f;
        var reach = radius * 2.25f;
        for (var y = Math.Max(0, (int)(cy - (reach * 0.75f))); y < Math.Min(frame.Height, cy + (reach * 0.75f)); y++)
        {
            var dy = new Vector<float>((y + 0.5f - cy) / radius);
            for (var x = Math.Max(0, (int)(cx - reach)) & ~(Maths.LaneCount - 1); x < Math.Min(frame.Width, cx + reach); x += Maths.LaneCount)
            {
                var dx = (Maths.Lanes + new Vector<float>(x + 0.5f - cx)) * (1 / radius);
                var (px, py) = (dx + (dy * Lean), (dy - (dx * Lean)) * (1 / Tilt));
                var distance = Vector.SquareRoot((px * px) + (py * py));
                var here = Vector.GreaterThan(distance, new Vector<float>(1.28f)) & Vector.LessThan(distance, new Vector<float>(2.15f))
                    & (behind ? Vector.LessThan(py, Vector<float>.Zero) : Vector.GreaterThanOrEqual(py, Vector<float>.Zero));
                if (Vector.EqualsAll(here, Vector<int>.Zero)) continue;
                var grooves = Maths.Clamp01(new Vector<float>(0.5f) + (Noise.At(distance * 26, new Vector<float>(0.5f), planet.Seed) * 0.5f) + (Noise.At(distance * 70, new Vector<float>(3.5f), planet.Seed) * 0.25f));
                var cover = Maths.Smooth(1.28f, 1.36f, distance) * Maths.Smooth(2.15f, 2.0f, distance) * grooves * 0.7f;
                frame.Cover((y * frame.Stride) + x, Light.Mix(planet.Two, planet.One, grooves) * new Vector<float>(0.75f), Vector.ConditionalSelect(here, cover, Vector<float>.Zero));
            }
        }
    }

    private sealed record Planet(float X, float Y, float Radius, bool Gas, Vector3 One, Vector3 Two, bool Ring, int Seed);
}
