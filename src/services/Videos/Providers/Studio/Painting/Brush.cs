using System.Numerics;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>Strokes and surfaces that several scenes share.</summary>
internal static class Brush
{
    /// <summary>Covers one row from <paramref name="left"/> to <paramref name="right"/>, with fractional ends.</summary>
    public static void Span(Frame frame, int y, float left, float right, Vector3 light, float cover = 1)
    {
        if (y < 0 || y >= frame.Height || right <= 0 || left >= frame.Width) return;
        (left, right) = (MathF.Max(left, 0), MathF.Min(right, frame.Width));
        var (x0, x1) = ((int)left, (int)right);
        var row = y * frame.Stride;
        if (x0 == x1)
        {
            frame.Cover(row + x0, light, (right - left) * cover);
            return;
        }

        frame.Cover(row + x0, light, (x0 + 1 - left) * cover);
        for (var x = x0 + 1; x < x1; x++) frame.Cover(row + x, light, cover);
        if (x1 < frame.Width) frame.Cover(row + x1, light, (right - x1) * cover);
    }

    /// <summary>A straight stroke that adds light; for streaks, which are steeper than flat.</summary>
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
    /// Everything below a skyline: <paramref name="topOf"/> gives it for each column, in pixels; the colour goes from <paramref name="high"/> at
    /// the skyline's <paramref name="from"/> to <paramref name="low"/> at <paramref name="to"/>.
    /// </summary>
    public static void Below(Frame frame, Func<float, float> topOf, float from, float to, Vector3 high, Vector3 low)
    {
        var tops = frame.Scratch(1, frame.Stride + 16);
        var highest = frame.Height;
        for (var x = 0; x < frame.Stride; x++)
        {
            tops[x] = topOf(x + 0.5f);
            highest = Math.Min(highest, (int)tops[x] - 1);
        }

        for (var y = Math.Max(0, highest); y < frame.Height; y++)
        {
            var light = Light.Of(Vector3.Lerp(high, low, Maths.Smooth(from, to, y)));
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
                frame.Cover((y * frame.Stride) + x, light, Maths.Clamp01(new Vector<float>(y + 1) - Maths.Load(tops, x)));
        }
    }

    /// <summary>
    /// Turns the part below <paramref name="waterline"/> into water that mirrors what is above it, rippled, darker toward the viewer.
    /// </summary>
    public static void Mirror(Frame frame, float waterline, float time, int seed, Vector3 tint, float ripple, Vector3 deep)
    {
        var line = (int)waterline;
        var unit = frame.Unit;
        var waves = frame.Scratch(4, frame.Stride + 16);
        for (var y = Math.Max(1, line); y < frame.Height; y++)
        {
            var below = (y + 1 - waterline) / unit;
            var depth = 0.1f / (below + 0.012f);
            var row = y * frame.Stride;
            var near = Math.Clamp(1.05f - (below * 0.75f), 0.3f, 1);
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var across = (Maths.Lanes + new Vector<float>(x - (frame.Width / 2f))) * (depth * 9 / unit);
                var wave = Noise.At(across + new Vector<float>(time * 0.4f), new Vector<float>((depth * 22) + (time * 1.1f)), seed)
                    + (Noise.At((across * 2.7f) - new Vector<float>(time * 0.5f), new Vector<float>((depth * 46) - (time * 1.4f)), seed + 1) * 0.5f);
                Maths.Store(wave, waves, x);
            }

            var reach = ripple * (0.2f + (below * 2.4f)) * unit;
            for (var x = 0; x < frame.Width; x++)
            {
                var bend = waves[x] * reach;
                var sourceY = Math.Clamp((int)(waterline - (y - waterline) - 1 + (bend * 1.3f)), 0, line - 1);
                var sourceX = Math.Clamp(x + (int)(bend * 0.35f), 0, frame.Width - 1);
                var above = (Math.Max(0, sourceY - 2) * frame.Stride) + sourceX;
                var source = (sourceY * frame.Stride) + sourceX;
                var light = new Vector3(frame.R[source] + frame.R[above], frame.G[source] + frame.G[above], frame.B[source] + frame.B[above]) * 0.5f;
                light = Vector3.Lerp(deep, light * tint, near * (0.86f + (0.14f * waves[x])));
                (frame.R[row + x], frame.G[row + x], frame.B[row + x]) = (light.X, light.Y, light.Z);
            }
        }
    }

    /// <summary>Shafts of light that fan out from a point above the picture; <paramref name="density"/> says how many.</summary>
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

        AddStretched(frame, small);
    }

    /// <summary>Adds a smaller frame's light to the whole.</summary>
    public static void AddStretched(Frame frame, Frame small)
    {
        var plane = frame.Scratch(2, frame.R.Length);
        foreach (var (from, to) in new[] { (small.R, frame.R), (small.G, frame.G), (small.B, frame.B) })
        {
            frame.StretchPlane(small, from, plane);
            for (var at = 0; at < frame.Stride * frame.Height; at += Maths.LaneCount) Maths.Store(Maths.Load(to, at) + Maths.Load(plane, at), to, at);
        }
    }
}
