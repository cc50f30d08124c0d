using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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
        // Three box blurs are a bell curve for all the eye can tell.
        for (var pass = 0; pass < 3; pass++)
        {
            BlurRows(small, radius);
            BlurColumns(small, small.R, radius);
            BlurColumns(small, small.G, radius);
            BlurColumns(small, small.B, radius);
        }

        frame.AddStretched(small, strength);
    }

    [MethodImpl(Maths.Hot)]
    private static void Shrink(Frame frame, Frame small, float threshold)
    {
        for (var y = 0; y < small.Height; y++)
        {
            var y0 = Math.Min(y * Divisor, frame.Height - 1) * frame.Stride;
            var y1 = Math.Min((y * Divisor) + 2, frame.Height - 1) * frame.Stride;
            var row = y * small.Stride;
            Pick(frame.R, y0, y1, small.R, row);
            Pick(frame.G, y0, y1, small.G, row);
            Pick(frame.B, y0, y1, small.B, row);
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var light = small.Get(row + x);
                var brightest = Vector.Max(light.R, Vector.Max(light.G, light.B));
                // A bright thing keeps its colour; what it has above the threshold spills, at most so much that a sun does not flood all.
                var spills = Vector.Min(Vector.Max(Vector<float>.Zero, brightest - new Vector<float>(threshold)), new Vector<float>(4));
                small.Set(row + x, light * (spills / Vector.Max(brightest, new Vector<float>(1e-4f))));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Pick(float[] from, int y0, int y1, float[] to, int row)
        {
            for (var x = 0; x < small.Width; x++)
            {
                var x0 = Math.Min(x * Divisor, frame.Width - 3);
                var four = Vector128.LoadUnsafe(ref from[y0 + x0]) + Vector128.LoadUnsafe(ref from[y1 + x0]);
                to[row + x] = (four[0] + four[2]) * 0.25f;
            }
        }
    }

    /// <summary>A sum that moves along the row, of three colours at once, so that the machine need not wait for one addition before it begins the next.</summary>
    [MethodImpl(Maths.Hot)]
    private static void BlurRows(Frame small, int radius)
    {
        var width = small.Width;
        var length = width + (2 * radius) + 1;
        var (r, g, b) = (small.Scratch(-3, length), small.Scratch(-6, length), small.Scratch(-7, length));
        var share = 1f / ((2 * radius) + 1);
        for (var y = 0; y < small.Height; y++)
        {
            var row = y * small.Stride;
            Pad(small.R.AsSpan(row, width), r, radius);
            Pad(small.G.AsSpan(row, width), g, radius);
            Pad(small.B.AsSpan(row, width), b, radius);
            var (red, green, blue) = (0f, 0f, 0f);
            for (var x = 0; x <= 2 * radius; x++) (red, green, blue) = (red + r[x], green + g[x], blue + b[x]);
            for (var x = 0; x < width; x++)
            {
                (small.R[row + x], small.G[row + x], small.B[row + x]) = (red * share, green * share, blue * share);
                var entering = x + (2 * radius) + 1;
                (red, green, blue) = (red + (r[entering] - r[x]), green + (g[entering] - g[x]), blue + (b[entering] - b[x]));
            }
        }
    }

    /// <summary>The row with its ends drawn out.</summary>
    private static void Pad(ReadOnlySpan<float> row, float[] padded, int radius)
    {
        Array.Fill(padded, row[0], 0, radius);
        row.CopyTo(padded.AsSpan(radius));
        Array.Fill(padded, row[^1], radius + row.Length, radius + 1);
    }

    /// <summary>A row of sums moves down the picture, so that the memory is read in its order.</summary>
    [MethodImpl(Maths.Hot)]
    private static void BlurColumns(Frame small, float[] plane, int radius)
    {
        var sums = small.Scratch(-4, small.Stride + 16);
        var source = small.Scratch(-5, (small.Stride * small.Height) + 16);
        var share = 1f / ((2 * radius) + 1);
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
}
