using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// The sky of a clip: a gradient of three colours, sun or moon with its glow, stars, and clouds that the sun lights from its side. Painted on
/// a quarter of the size, for nothing in it is sharp but stars and disc, which are added on the whole.
/// </summary>
internal sealed class Sky
{
    private const int CloudDivisor = 4;
    private readonly Palette _palette;
    private readonly int _seed;
    private readonly Star[] _stars;

    public Sky(Palette palette, int seed)
    {
        (_palette, _seed) = (palette, seed);
        var dice = new Dice((ulong)seed);
        _stars = new Star[palette.Stars <= 0 ? 0 : (int)(900 * palette.Stars)];
        for (var i = 0; i < _stars.Length; i++)
        {
            var warmth = dice.Share();
            var tint = Vector3.Lerp(new Vector3(1, 0.85f, 0.7f), new Vector3(0.75f, 0.87f, 1), warmth);
            _stars[i] = new Star(dice.Share(), dice.Share(), MathF.Pow(dice.Share(), 6) + 0.06f, dice.Share() * 6.28f, tint);
        }

        SunX = 0.25f + (dice.Share() * 0.5f);
    }

    /// <summary>Where the sun stands, as a share of the width.</summary>
    public float SunX { get; init; }

    /// <summary>0 a clear sky, 1 overcast.</summary>
    public float Clouds { get; init; } = 0.5f;

    /// <summary>The horizon's height from the top, as a share of the whole.</summary>
    public float Horizon { get; init; } = 0.6f;

    /// <summary>Radius of the disc, of the shorter side; 0 hides it.</summary>
    public float Disc { get; init; } = 0.045f;

    /// <summary>How fast the clouds go.</summary>
    public float Wind { get; init; } = 0.02f;

    /// <summary>How far down the sky is painted, as a share of the height; what is lower is left as it is, and the scene must cover it.</summary>
    public float Reach { get; init; } = 1;

    /// <summary>Sideways shift of everything far away, in pixels of the whole frame.</summary>
    public void Paint(Frame frame, float time, float shift)
    {
        var small = frame.Smaller(CloudDivisor);
        var rows = Math.Min(frame.Height, (int)(frame.Height * Reach) + 1);
        PaintSoft(small, Math.Min(small.Height, (rows / CloudDivisor) + 2), time, shift / CloudDivisor);
        frame.Stretch(small, rows);
        PaintStars(frame, time, shift);
        PaintDisc(frame, shift);
    }

    /// <summary>The sky's colour at a height: 0 the horizon, 1 the top.</summary>
    public Vector3 ColourAt(float height)
    {
        var h = Maths.Clamp01(height);
        var low = Vector3.Lerp(_palette.Horizon, _palette.Middle, Maths.Smooth(0, 0.42f, h));
        return Vector3.Lerp(low, _palette.Zenith, Maths.Smooth(0.25f, 1, h));
    }

    public Vector2 SunPosition(Frame frame, float shift) =>
        new((SunX * frame.Width) + shift, frame.Height * (Horizon - (_palette.SunHeight * Horizon * 0.92f)));

    [MethodImpl(Maths.Hot)]
    private void PaintSoft(Frame small, int rows, float time, float shift)
    {
        var sun = SunPosition(small, shift);
        var unit = 1 / small.Unit;
        var horizon = Horizon * small.Height;
        var drift = time * Wind;
        for (var y = 0; y < rows; y++)
        {
            var height = (horizon - y) / horizon;
            var colour = ColourAt(height);
            var dy = (y - sun.Y) * unit;
            // Clouds lie on a ceiling that meets the horizon far away, so they shrink and crowd towards it.
            var depth = 0.55f / (MathF.Max(height, 0) + 0.16f);
            var thin = Maths.Smooth(-0.02f, 0.16f, height);
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var dx = (Maths.Lanes + new Vector<float>(x - sun.X)) * unit;
                var distance = Vector.SquareRoot((dx * dx) + new Vector<float>(dy * dy));
                var glow = (Maths.Decay(distance * 5.5f) * 0.22f) + (Maths.Decay(distance * 22) * 0.3f);
                var light = Disc > 0 ? Light.Of(colour) + (Light.Of(_palette.Sun) * (glow * 0.5f)) : Light.Of(colour);
                if (Clouds > 0 && thin > 0) light = WithClouds(light, small, x, shift, depth, drift, thin, dx, dy, distance, colour);
                small.Set((y * small.Stride) + x, light);
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private Light WithClouds(
        Light sky, Frame small, int x, float shift, float depth, float drift, float thin, Vector<float> dx, float dy, Vector<float> distance, Vector3 colour)
    {
        var u = ((Maths.Lanes + new Vector<float>(x - (small.Width / 2f) - shift)) * (depth * 2.9f / small.Unit)) + new Vector<float>(drift * 3);
        var v = new Vector<float>((depth * 3.7f) + (drift * 1.2f));
        // Two layers at different speeds make the shapes change and not merely travel.
        var warp = Noise.At(u * 0.7f, v - new Vector<float>(drift * 2), _seed + 40) * 0.6f;
        var density = Noise.Fbm(u + warp, v + warp, 5, _seed);
        var towardSun = 0.16f / (MathF.Abs(dy) + 0.4f);
        var nearer = Noise.Fbm(u + warp - (dx * towardSun), v + warp + new Vector<float>(dy * towardSun * 0.8f), 3, _seed);
        var cover = Maths.Smooth(0.42f - (Clouds * 0.75f), 0.95f - (Clouds * 0.62f), density) * thin;
        var lit = Maths.Clamp01(((density - nearer) * 1.6f) + new Vector<float>(0.42f));
        var edge = (Vector<float>.One - cover) * Maths.Decay(distance * 3.2f);
        var dark = Vector3.Lerp(_palette.Fog, _palette.Shade, 0.35f + (Clouds * 0.2f));
        var bright = Vector3.Lerp(colour, Vector3.One * (0.2126f * _palette.Sun.X + 0.7152f * _palette.Sun.Y + 0.0722f * _palette.Sun.Z) * 0.16f, 0.35f)
            + (_palette.Sun * 0.11f);
        var cloud = Light.Mix(dark, bright, lit) + (Light.Of(_palette.Sun) * ((edge * 0.35f) + (lit * Maths.Decay(distance * 4) * 0.22f)));
        return Light.Mix(sky, cloud, cover * 0.94f);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintStars(Frame frame, float time, float shift)
    {
        var horizon = Horizon * frame.Height;
        foreach (var star in _stars)
        {
            var (x, y) = ((star.X * frame.Width * 1.1f) + (shift * 0.5f), star.Y * horizon);
            var at = ((int)y * frame.Stride) + (int)x;
            if (x < 1 || x >= frame.Width - 1 || y >= horizon - 2) continue;
            // Behind a cloud, or in a bright sky, no star is seen.
            var covered = Maths.Smooth(0.32f, 0.05f, frame.G[at]) * Maths.Smooth(0, 0.25f, 1 - star.Y);
            var twinkle = 0.75f + (0.25f * MathF.Sin((time * (2 + star.Size)) + star.Phase));
            if (covered > 0.01f) frame.Glow(x, y, frame.Unit * (0.0016f + (0.0022f * star.Size)), star.Tint * (covered * twinkle * (0.35f + (2.2f * star.Size))));
        }
    }

    private void PaintDisc(Frame frame, float shift)
    {
        if (Disc <= 0) return;
        var sun = SunPosition(frame, shift);
        var clear = 1 - (Clouds * 0.45f);
        frame.Disc(sun.X, sun.Y, frame.Unit * Disc, _palette.Sun * 1.3f, clear);
        frame.Glow(sun.X, sun.Y, frame.Unit * Disc * 5, _palette.Sun * (0.1f * clear));
    }

    private readonly record struct Star(float X, float Y, float Size, float Phase, Vector3 Tint);
}
