using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// The line between hills and sky. All in pixels but <paramref name="Scale"/>, features per pixel: it runs about <paramref name="Line"/>, rises and falls by
/// <paramref name="Rise"/>, and is moved sideways by <paramref name="Shift"/>. <paramref name="Which"/> of the hills a seed has, a number.
/// </summary>
internal readonly record struct Skyline(float Line, float Rise, float Scale, float Shift, float Which, int Octaves, int Seed);

/// <summary>Strokes and surfaces that several scenes share.</summary>
internal static class Brush
{
    /// <summary>A straight stroke that adds light; for streaks, which are steeper than flat.</summary>
    [MethodImpl(Maths.Hot)]
    public static void Streak(Frame frame, float x0, float y0, float x1, float y1, float width, Vector3 light)
    {
        var (from, to) = (Math.Max(0, (int)y0), Math.Min(frame.Height - 1, (int)y1));
        var slope = (x1 - x0) / MathF.Max(y1 - y0, 1);
        for (var y = from; y <= to; y++)
        {
            var center = x0 + ((y - y0) * slope);
            var (left, right) = (center - (width / 2), center + (width / 2));
            // Brightest in its middle, as something that moved through the exposure.
            var share = (y - y0) / MathF.Max(y1 - y0, 1);
            var strength = 4 * share * (1 - share);
            for (var x = Math.Max(0, (int)left); x <= Math.Min(frame.Width - 1, (int)right); x++)
            {
                var inside = MathF.Min(right, x + 1) - MathF.Max(left, x);
                if (inside > 0) frame.Add((y * frame.Stride) + x, light * (inside * strength));
            }
        }
    }

    /// <summary>
    /// Everything below a skyline; the colour goes from <paramref name="high"/> at the row <paramref name="from"/> to <paramref name="low"/> at <paramref name="to"/>.
    /// </summary>
    [MethodImpl(Maths.Hot)]
    public static void Below(Frame frame, Skyline skyline, float from, float to, Vector3 high, Vector3 low)
    {
        var tops = frame.Scratch(1, frame.Stride + 16);
        for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
        {
            var along = (Maths.Lanes + new Vector<float>(x + 0.5f - skyline.Shift)) * skyline.Scale;
            Maths.Store(new Vector<float>(skyline.Line) - (Noise.Fbm(along, new Vector<float>(skyline.Which), skyline.Octaves, skyline.Seed) * skyline.Rise), tops, x);
        }

        var highest = (float)frame.Height;
        for (var x = 0; x < frame.Width; x++) highest = MathF.Min(highest, tops[x]);
        for (var y = Math.Max(0, (int)highest - 1); y < frame.Height; y++)
        {
            var light = Light.Of(Vector3.Lerp(high, low, Maths.Smooth(from, to, y)));
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
                frame.Cover((y * frame.Stride) + x, light, Maths.Clamp01(new Vector<float>(y + 1) - Maths.Load(tops, x)));
        }
    }

    /// <summary>
    /// Turns the part below <paramref name="waterline"/> into water that mirrors what is above it, rippled, darker toward the viewer. What was there is
    /// painted over.
    /// </summary>
    [MethodImpl(Maths.Hot)]
    public static void Mirror(Frame frame, float waterline, float time, int seed, Vector3 tint, float ripple, Vector3 deep)
    {
        var line = Math.Max(1, (int)waterline);
        var unit = frame.Unit;
        var (tints, deeps) = (Light.Of(tint) * new Vector<float>(0.5f), Light.Of(deep));
        Span<int> sources = stackalloc int[Maths.LaneCount];
        Span<int> others = stackalloc int[Maths.LaneCount];
        for (var y = line; y < frame.Height; y++)
        {
            var below = (y + 1 - waterline) / unit;
            var depth = 0.1f / (below + 0.012f);
            var row = y * frame.Stride;
            var near = Math.Clamp(1.05f - (below * 0.75f), 0.3f, 1);
            var reach = ripple * (0.2f + (below * 2.4f)) * unit;
            var opposite = new Vector<float>(waterline - (y - waterline) - 1);
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var across = (Maths.Lanes + new Vector<float>(x - (frame.Width / 2f))) * (depth * 9 / unit);
                var wave = Noise.At(across + new Vector<float>(time * 0.4f), new Vector<float>((depth * 22) + (time * 1.1f)), seed)
                    + (Noise.At((across * 2.7f) - new Vector<float>(time * 0.5f), new Vector<float>((depth * 46) - (time * 1.4f)), seed + 1) * 0.5f);
                var bend = wave * reach;
                var sourceY = Clamp(Vector.ConvertToInt32Native(opposite + (bend * 1.3f)), line - 1);
                var sourceX = Clamp(Vector<int>.Indices + new Vector<int>(x) + Vector.ConvertToInt32Native(bend * 0.35f), frame.Width - 1);
                ((sourceY * frame.Stride) + sourceX).CopyTo(sources);
                ((Vector.Max(Vector<int>.Zero, sourceY - new Vector<int>(2)) * frame.Stride) + sourceX).CopyTo(others);
                Fetch(frame, row + x, sources, others);
                var light = Light.Mix(deeps, frame.Get(row + x) * tints, (new Vector<float>(0.86f) + (wave * 0.14f)) * near);
                frame.Set(row + x, light);
            }
        }
    }

    /// <summary>Shafts of light that fan out from a point above the picture; <paramref name="density"/> says how many.</summary>
    [MethodImpl(Maths.Hot)]
    public static void Shafts(Frame frame, float sourceX, float sourceY, float time, int seed, Vector3 light, float density)
    {
        var small = frame.Smaller(8);
        var scale = 1f / 8;
        var (sx, sy) = (sourceX * scale, sourceY * scale);
        for (var y = 0; y < small.Height; y++)
        {
            var dy = MathF.Max(1, y - sy);
            var fall = Maths.Smooth(1.25f, 0, y / (float)small.Height) + 0.12f;
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var fan = (Maths.Lanes + new Vector<float>(x - sx)) * (1 / dy);
                var beams = Noise.At(fan * density, new Vector<float>(time * 0.22f), seed) + (Noise.At(fan * (density * 2.6f), new Vector<float>(time * 0.3f), seed + 1) * 0.6f);
                var wide = Maths.Decay(Vector.Abs(fan) * 1.1f);
                small.Set((y * small.Stride) + x, Light.Of(light) * (Maths.Smooth(0, 0.9f, beams + new Vector<float>(0.12f)) * wide * fall));
            }
        }

        frame.AddStretched(small);
    }

    private static Vector<int> Clamp(Vector<int> value, int max) => Vector.Min(new Vector<int>(max), Vector.Max(Vector<int>.Zero, value));

    /// <summary>Puts the sum of two other pixels into each of some neighbours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(Frame frame, int at, ReadOnlySpan<int> sources, ReadOnlySpan<int> others)
    {
        var (r, g, b) = (frame.R, frame.G, frame.B);
        for (var lane = 0; lane < sources.Length; lane++)
        {
            var (source, other) = (sources[lane], others[lane]);
            r[at + lane] = r[source] + r[other];
            g[at + lane] = g[source] + g[other];
            b[at + lane] = b[source] + b[other];
        }
    }
}
