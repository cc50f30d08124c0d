using System.Numerics;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>What is brighter than white spills over its surroundings, as in a lens: shrink, keep the bright, blur, add back.</summary>
internal static class Bloom
{
    private const int Divisor = 4;

    public static void Apply(Frame frame, float strength, float threshold)
    {
        if (strength <= 0) return;
        var small = frame.Smaller(Divisor);
        Shrink(frame, small, threshold);
        var radius = Math.Max(2, (int)(small.Unit * 0.035f));
        foreach (var plane in new[] { small.R, small.G, small.B })
        {
            // Three box blurs are a bell curve for all the eye can tell.
            for (var pass = 0; pass < 3; pass++) Blur(small, plane, radius);
        }

        AddBack(frame, small, small.R, frame.R, strength);
        AddBack(frame, small, small.G, frame.G, strength);
        AddBack(frame, small, small.B, frame.B, strength);
    }

    private static void Shrink(Frame frame, Frame small, float threshold)
    {
        for (var y = 0; y < small.Height; y++)
        {
            var y0 = Math.Min(y * Divisor, frame.Height - 1) * frame.Stride;
            var y1 = Math.Min((y * Divisor) + 2, frame.Height - 1) * frame.Stride;
            for (var x = 0; x < small.Width; x++)
            {
                var x0 = Math.Min(x * Divisor, frame.Width - 3);
                var light = (At(frame, y0 + x0) + At(frame, y0 + x0 + 2) + At(frame, y1 + x0) + At(frame, y1 + x0 + 2)) * 0.25f;
                var brightest = MathF.Max(light.X, MathF.Max(light.Y, light.Z));
                // A bright thing keeps its colour; what it has above the threshold spills, at most so much that a sun does not flood all.
                light *= MathF.Min(MathF.Max(0, brightest - threshold), 4) / MathF.Max(brightest, 1e-4f);
                var at = (y * small.Stride) + x;
                (small.R[at], small.G[at], small.B[at]) = (light.X, light.Y, light.Z);
            }
        }
    }

    private static Vector3 At(Frame frame, int at) => new(frame.R[at], frame.G[at], frame.B[at]);

    private static void Blur(Frame small, float[] plane, int radius)
    {
        var line = small.Scratch(-3, Math.Max(small.Stride, small.Height) + 16);
        var share = 1f / ((2 * radius) + 1);
        for (var y = 0; y < small.Height; y++)
        {
            var row = y * small.Stride;
            var sum = 0f;
            for (var x = -radius; x <= radius; x++) sum += plane[row + Math.Clamp(x, 0, small.Width - 1)];
            for (var x = 0; x < small.Width; x++)
            {
                line[x] = sum * share;
                sum += plane[row + Math.Min(x + radius + 1, small.Width - 1)] - plane[row + Math.Max(x - radius, 0)];
            }

            Array.Copy(line, 0, plane, row, small.Width);
        }

        BlurColumns(small, plane, radius, share);
    }

    /// <summary>A row of sums moves down the picture, so that the memory is read in its order.</summary>
    private static void BlurColumns(Frame small, float[] plane, int radius, float share)
    {
        var sums = small.Scratch(-4, small.Stride + 16);
        var source = small.Scratch(-5, (small.Stride * small.Height) + 16);
        Array.Copy(plane, source, small.Stride * small.Height);
        Array.Clear(sums);
        for (var y = -radius; y <= radius; y++)
        {
            var row = Math.Clamp(y, 0, small.Height - 1) * small.Stride;
            for (var x = 0; x < small.Stride; x += Maths.LaneCount) Maths.Store(Maths.Load(sums, x) + Maths.Load(source, row + x), sums, x);
        }

        for (var y = 0; y < small.Height; y++)
        {
            var entering = Math.Min(y + radius + 1, small.Height - 1) * small.Stride;
            var leaving = Math.Max(y - radius, 0) * small.Stride;
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var sum = Maths.Load(sums, x);
                Maths.Store(sum * share, plane, (y * small.Stride) + x);
                Maths.Store(sum + Maths.Load(source, entering + x) - Maths.Load(source, leaving + x), sums, x);
            }
        }
    }

    private static void AddBack(Frame frame, Frame small, float[] from, float[] to, float strength)
    {
        var stretched = frame.Scratch(-6, to.Length);
        frame.StretchPlane(small, from, stretched);
        for (var at = 0; at < frame.Stride * frame.Height; at += Maths.LaneCount) Maths.Store(Maths.Load(to, at) + (Maths.Load(stretched, at) * strength), to, at);
    }
}
