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
    public static int LengthOf(int width, int height) => (width * height) + (2 * ((width / 2) * (height / 2)));

    /// <summary>Tone-maps in place and fills <paramref name="picture"/>; <paramref name="moment"/> numbers the frame, for the grain.</summary>
    public static void ToPicture(Frame frame, Look look, float fade, int moment, byte[] picture)
    {
        ToneMap(frame, look, fade, moment);
        var (width, height) = (frame.Width, frame.Height);
        var chroma = width * height;
        var chromaLength = (width / 2) * (height / 2);
        var (sumU, sumV) = (frame.Scratch(-7, frame.Stride), frame.Scratch(-8, frame.Stride));
        for (var y = 0; y < height; y++)
        {
            var row = y * frame.Stride;
            if (y % 2 == 0)
            {
                Array.Clear(sumU);
                Array.Clear(sumV);
            }

            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var light = frame.Get(row + x);
                var luma = (light.R * 0.2126f) + (light.G * 0.7152f) + (light.B * 0.0722f);
                Maths.Store((light.B - luma) * (0.25f / 1.8556f * 224) + Maths.Load(sumU, x), sumU, x);
                Maths.Store((light.R - luma) * (0.25f / 1.5748f * 224) + Maths.Load(sumV, x), sumV, x);
                Maths.Store((luma * 219) + new Vector<float>(16.5f), frame.R, row + x);
            }

            Narrow(frame.R, row, picture.AsSpan(y * width, width));
            if (y % 2 == 0) continue;
            var at = (y / 2) * (width / 2);
            for (var x = 0; x < width / 2; x++)
            {
                picture[chroma + at + x] = (byte)(128.5f + sumU[2 * x] + sumU[(2 * x) + 1]);
                picture[chroma + chromaLength + at + x] = (byte)(128.5f + sumV[2 * x] + sumV[(2 * x) + 1]);
            }
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

    private static void Narrow(float[] values, int from, Span<byte> to)
    {
        for (var x = 0; x < to.Length; x++) to[x] = (byte)values[from + x];
    }

    private static void ToneMap(Frame frame, Look look, float fade, int moment)
    {
        var (centerX, centerY) = (frame.Width / 2f, frame.Height / 2f);
        var corner = 1 / ((centerX * centerX) + (centerY * centerY));
        var (grain, saturation) = (new Vector<float>(look.Grain / 255), new Vector<float>(look.Saturation));
        var (shadow, bright) = (Light.Of(look.ShadowTint), Light.Of(look.LightTint));
        var exposure = look.Exposure * fade;
        for (var y = 0; y < frame.Height; y++)
        {
            var dy = y - centerY;
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var dx = Maths.Lanes + new Vector<float>(x - centerX);
                var distance = ((dx * dx) + new Vector<float>(dy * dy)) * corner;
                var expose = (Vector<float>.One - (distance * distance * look.Vignette) - (distance * (look.Vignette * 0.35f))) * exposure;
                var at = (y * frame.Stride) + x;
                var light = frame.Get(at) * expose;
                var (r, g, b) = (Film(light.R), Film(light.G), Film(light.B));
                var luma = (r * 0.2126f) + (g * 0.7152f) + (b * 0.0722f);
                var tint = Light.Mix(shadow, bright, Maths.Smooth(0.1f, 0.75f, luma));
                var speck = Speck(x, y, moment) * grain;
                frame.Set(at, new Light(
                    Maths.Clamp01(((luma + ((r - luma) * saturation)) * tint.R) + speck),
                    Maths.Clamp01(((luma + ((g - luma) * saturation)) * tint.G) + speck),
                    Maths.Clamp01(((luma + ((b - luma) * saturation)) * tint.B) + speck)));
            }
        }
    }

    /// <summary>Narkowicz's fit of the ACES curve (2016), then sRGB's gamma by three square roots instead of a power.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Film(Vector<float> light)
    {
        light = Vector.Max(light, Vector<float>.Zero) * 0.72f;
        var mapped = Maths.Clamp01(light * ((light * 2.51f) + new Vector<float>(0.03f)) / ((light * ((light * 2.43f) + new Vector<float>(0.59f))) + new Vector<float>(0.14f)));
        var root = Vector.SquareRoot(mapped);
        var fourth = Vector.SquareRoot(root);
        return Maths.Clamp01((root * 0.585122381f) + (fourth * 0.783140355f) - (Vector.SquareRoot(fourth) * 0.368262736f));
    }

    /// <summary>-1 .. 1, another for each pixel and moment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Speck(int x, int y, int moment)
    {
        var hash = Vector.CreateSequence(x, 1) * 0x27D4EB2D;
        hash += new Vector<int>(unchecked((y * 0x165667B1) + (moment * 0x3C6EF372)));
        hash ^= Vector.ShiftRightLogical(hash, 15);
        hash *= unchecked((int)0x85EBCA77);
        hash ^= Vector.ShiftRightLogical(hash, 13);
        hash *= unchecked((int)0xC2B2AE3D);
        return Vector.ConvertToSingle(Vector.ShiftRightArithmetic(hash, 8)) * (1f / (1 << 23));
    }
}
