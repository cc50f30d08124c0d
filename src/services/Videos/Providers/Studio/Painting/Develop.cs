using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>How light becomes film: exposure, tint and saturation, edges darkened, grain.</summary>
internal sealed record Look
{
    public float Exposure { get; init; } = 1;

    /// <summary>1 leaves colours as they are, 0 is black and white.</summary>
    public float Saturation { get; init; } = 1.06f;

    /// <summary>Multiplies the dark parts.</summary>
    public Vector3 ShadowTint { get; init; } = Vector3.One;

    /// <summary>Multiplies the bright parts.</summary>
    public Vector3 LightTint { get; init; } = Vector3.One;

    /// <summary>How much of the light the corners lose, 0 to 1.</summary>
    public float Vignette { get; init; } = 0.34f;

    /// <summary>Of 255 levels, about; also what keeps soft skies from banding.</summary>
    public float Grain { get; init; } = 1.6f;

    public float Bloom { get; init; } = 0.55f;

    public float BloomThreshold { get; init; } = 0.8f;
}

/// <summary>Turns painted light into the bytes of a yuv420p picture (BT.709, limited range).</summary>
internal static class Develop
{
    /// <summary>The colour difference of grey, and what rounds.</summary>
    private const float Middle = 128.5f;

    public static int LengthOf(int width, int height) => (width * height) + (2 * ((width / 2) * (height / 2)));

    /// <summary>Fills <paramref name="picture"/>; <paramref name="moment"/> numbers the frame, for the grain. The frame stays as it is.</summary>
    [MethodImpl(Maths.Hot)]
    public static void ToPicture(Frame frame, Look look, float fade, int moment, byte[] picture)
    {
        var (width, height) = (frame.Width, frame.Height);
        var (luma, u, v) = (frame.Scratch(-7, frame.Stride), frame.Scratch(-8, frame.Stride), frame.Scratch(-9, frame.Stride));
        var chroma = picture.AsSpan(width * height);
        for (var y = 0; y < height; y++)
        {
            // Two rows share their colour: the first leaves its sums for the second.
            if (y % 2 == 0)
            {
                Array.Clear(u);
                Array.Clear(v);
            }

            ToRow(frame, look, fade, moment, y, luma, u, v);
            Narrow(luma, picture.AsSpan(y * width, width));
            if (y % 2 == 0) continue;
            NarrowPairs(u, chroma.Slice((y / 2) * (width / 2), width / 2));
            NarrowPairs(v, chroma.Slice(((height / 2) + (y / 2)) * (width / 2), width / 2));
        }
    }

    /// <summary>The light that the film shows as <paramref name="shown"/> (0 to 1): the curve below, searched backwards.</summary>
    public static float LightOf(float shown)
    {
        var (low, high) = (0f, 20f);
        for (var step = 0; step < 40; step++)
        {
            var middle = (low + high) / 2;
            if (Film(new Vector<float>(middle))[0] < shown) low = middle;
            else high = middle;
        }

        return (low + high) / 2;
    }

    /// <summary>Bytes of numbers from 0 to 255.</summary>
    [MethodImpl(Maths.Hot)]
    private static void Narrow(float[] values, Span<byte> to)
    {
        var x = 0;
        for (; x + Vector<byte>.Count <= to.Length; x += Vector<byte>.Count)
        {
            var low = Vector.Narrow(Whole(values, x), Whole(values, x + Maths.LaneCount));
            var high = Vector.Narrow(Whole(values, x + (2 * Maths.LaneCount)), Whole(values, x + (3 * Maths.LaneCount)));
            Vector.Narrow(low, high).CopyTo(to[x..]);
        }

        for (; x < to.Length; x++) to[x] = (byte)values[x];
    }

    /// <summary>Bytes of the sums of neighbours, about the middle.</summary>
    [MethodImpl(Maths.Hot)]
    private static void NarrowPairs(float[] values, Span<byte> to)
    {
        var x = 0;
        for (; x + Vector<byte>.Count <= to.Length; x += Vector<byte>.Count)
        {
            var at = 2 * x;
            var low = Vector.Narrow(WholePairs(values, at), WholePairs(values, at + (2 * Maths.LaneCount)));
            var high = Vector.Narrow(WholePairs(values, at + (4 * Maths.LaneCount)), WholePairs(values, at + (6 * Maths.LaneCount)));
            Vector.Narrow(low, high).CopyTo(to[x..]);
        }

        for (; x < to.Length; x++) to[x] = (byte)(values[2 * x] + values[(2 * x) + 1] + Middle);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> Whole(float[] values, int at) => Vector.AsVectorUInt32(Vector.ConvertToInt32Native(Maths.Load(values, at)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> WholePairs(float[] values, int at) => Vector.Narrow(WholePair(Maths.Load(values, at)), WholePair(Maths.Load(values, at + Maths.LaneCount)));

    /// <summary>Two neighbours seen as one number twice as wide: the right one is its upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<ulong> WholePair(Vector<float> values)
    {
        var right = Vector.AsVectorSingle(Vector.ShiftRightLogical(Vector.AsVectorUInt64(values), 32));
        return Vector.AsVectorUInt64(Vector.ConvertToInt32Native(values + right + new Vector<float>(Middle))) & new Vector<ulong>(uint.MaxValue);
    }

    /// <summary>One row through the lens and onto the film: luma as it is written, and what it adds to the colour differences.</summary>
    [MethodImpl(Maths.Hot)]
    private static void ToRow(Frame frame, Look look, float fade, int moment, int y, float[] luma, float[] u, float[] v)
    {
        var (centerX, centerY) = (frame.Width / 2f, frame.Height / 2f);
        var corner = 1 / ((centerX * centerX) + (centerY * centerY));
        var (grain, saturation) = (new Vector<float>(look.Grain / 255), new Vector<float>(look.Saturation));
        var (shadow, bright) = (Light.Of(look.ShadowTint), Light.Of(look.LightTint));
        var exposure = look.Exposure * fade;
        var vignette = look.Vignette * exposure;
        var row = y * frame.Stride;
        var dy = new Vector<float>((y - centerY) * (y - centerY));
        for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
        {
            var dx = Maths.Lanes + new Vector<float>(x - centerX);
            var distance = ((dx * dx) + dy) * corner;
            var expose = new Vector<float>(exposure) - (((distance * vignette) + new Vector<float>(vignette * 0.35f)) * distance);
            var light = frame.Get(row + x) * expose;
            var (r, g, b) = (Film(light.R), Film(light.G), Film(light.B));
            var grey = Luma(r, g, b);
            var tint = Light.Mix(shadow, bright, Maths.Smooth(0.1f, 0.75f, grey));
            var speck = Speck(x, y, moment) * grain;
            r = Maths.Clamp01(((grey + ((r - grey) * saturation)) * tint.R) + speck);
            g = Maths.Clamp01(((grey + ((g - grey) * saturation)) * tint.G) + speck);
            b = Maths.Clamp01(((grey + ((b - grey) * saturation)) * tint.B) + speck);
            grey = Luma(r, g, b);
            Maths.Store((grey * 219) + new Vector<float>(16.5f), luma, x);
            Maths.Store(Maths.Load(u, x) + ((b - grey) * (0.25f / 1.8556f * 224)), u, x);
            Maths.Store(Maths.Load(v, x) + ((r - grey) * (0.25f / 1.5748f * 224)), v, x);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Luma(Vector<float> r, Vector<float> g, Vector<float> b) => (r * 0.2126f) + (g * 0.7152f) + (b * 0.0722f);

    /// <summary>
    /// Narkowicz's fit of the ACES curve (2016) and sRGB's gamma after it, as one quotient of polynomials, within 0.06 of 255 levels of the two: no root is drawn per pixel. The
    /// numerator is negative in the deepest shadow, where the curves are below zero too.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Film(Vector<float> light)
    {
        var x = Vector.Max(light, Vector<float>.Zero);
        var over = (((((x * 633.4974f) + new Vector<float>(230.29887f)) * x) + new Vector<float>(5.3678866f)) * x) - new Vector<float>(0.02967147f);
        var under = (((((x * 624.89291f) + new Vector<float>(312.5413f)) * x) + new Vector<float>(63.953874f)) * x) + Vector<float>.One;
        return Vector.Max(over / under, Vector<float>.Zero);
    }

    /// <summary>-1 .. 1, another for each pixel and moment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Speck(int x, int y, int moment)
    {
        var hash = (Vector<int>.Indices * 0x27D4EB2D) + new Vector<int>(unchecked((x * 0x27D4EB2D) + (y * 0x165667B1) + (moment * 0x3C6EF372)));
        hash ^= Vector.ShiftRightLogical(hash, 15);
        hash *= unchecked((int)0x85EBCA77);
        hash ^= Vector.ShiftRightLogical(hash, 13);
        hash *= unchecked((int)0xC2B2AE3D);
        return Vector.ConvertToSingle(Vector.ShiftRightArithmetic(hash, 8)) * (1f / (1 << 23));
    }
}
