using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>Red, green and blue of several pixels: linear light, 1 is a white wall, the sun is more.</summary>
internal readonly struct Light(Vector<float> r, Vector<float> g, Vector<float> b)
{
    public readonly Vector<float> R = r;
    public readonly Vector<float> G = g;
    public readonly Vector<float> B = b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Light Of(Vector3 colour) => new(new Vector<float>(colour.X), new Vector<float>(colour.Y), new Vector<float>(colour.Z));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Light operator *(Light light, Vector<float> by) => new(light.R * by, light.G * by, light.B * by);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Light operator *(Vector3 colour, Light light) => new(light.R * colour.X, light.G * colour.Y, light.B * colour.Z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Light operator +(Light one, Light other) => new(one.R + other.R, one.G + other.G, one.B + other.B);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Light Mix(Light from, Light to, Vector<float> t) =>
        new(Maths.Lerp(from.R, to.R, t), Maths.Lerp(from.G, to.G, t), Maths.Lerp(from.B, to.B, t));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Light Mix(Vector3 from, Vector3 to, Vector<float> t) => Mix(Of(from), Of(to), t);
}

/// <summary>
/// A picture being painted: three planes of linear light, rows padded to whole vectors. A thread owns one at a time and paints one moment
/// on it; the smaller frames it lends are for what is soft anyway and then stretched over the whole.
/// </summary>
internal sealed class Frame
{
    private readonly Dictionary<int, Frame> _smaller = [];
    private readonly Dictionary<int, float[]> _scratch = [];

    public Frame(int width, int height)
    {
        (Width, Height) = (width, height);
        Stride = (width + 15) & ~15;
        // One vector more than fits, so that a reader one pixel to the right of the last needs no special case.
        var length = (Stride * height) + 16;
        (R, G, B) = (new float[length], new float[length], new float[length]);
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>Floats per row.</summary>
    public int Stride { get; }

    public float[] R { get; }

    public float[] G { get; }

    public float[] B { get; }

    /// <summary>The shorter side in pixels: the measure of all things painted, so that any size shows the same picture.</summary>
    public float Unit => Math.Min(Width, Height);

    /// <summary>A frame of 1/<paramref name="divisor"/> of each side, kept for the next moment; its content is whatever was left there.</summary>
    public Frame Smaller(int divisor)
    {
        if (!_smaller.TryGetValue(divisor, out var frame))
            _smaller[divisor] = frame = new Frame(Math.Max(2, (Width + divisor - 1) / divisor), Math.Max(2, (Height + divisor - 1) / divisor));
        return frame;
    }

    /// <summary>A plane or row of floats for the painter's own use, kept for the next moment; <paramref name="slot"/> tells them apart.</summary>
    public float[] Scratch(int slot, int length)
    {
        if (!_scratch.TryGetValue(slot, out var values) || values.Length < length) _scratch[slot] = values = new float[length];
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Light Get(int at) => new(Maths.Load(R, at), Maths.Load(G, at), Maths.Load(B, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(int at, Light light)
    {
        Maths.Store(light.R, R, at);
        Maths.Store(light.G, G, at);
        Maths.Store(light.B, B, at);
    }

    /// <summary>Covers the pixels with the light by the share <paramref name="cover"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Cover(int at, Light light, Vector<float> cover) => Set(at, Light.Mix(Get(at), light, cover));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Cover(int at, Vector3 light, float cover)
    {
        R[at] += (light.X - R[at]) * cover;
        G[at] += (light.Y - G[at]) * cover;
        B[at] += (light.Z - B[at]) * cover;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int at, Vector3 light)
    {
        R[at] += light.X;
        G[at] += light.Y;
        B[at] += light.Z;
    }

    /// <summary>Covers a rectangle with fractional edges, which is what lets things move by less than a pixel.</summary>
    public void Rectangle(float left, float top, float right, float bottom, Vector3 light, float cover = 1)
    {
        var (x0, x1) = (Math.Max(0, (int)MathF.Floor(left)), Math.Min(Width - 1, (int)MathF.Ceiling(right) - 1));
        var (y0, y1) = (Math.Max(0, (int)MathF.Floor(top)), Math.Min(Height - 1, (int)MathF.Ceiling(bottom) - 1));
        for (var y = y0; y <= y1; y++)
        {
            var coverY = cover * (Math.Min(bottom, y + 1) - Math.Max(top, y));
            for (var x = x0; x <= x1; x++)
            {
                var share = coverY * (Math.Min(right, x + 1) - Math.Max(left, x));
                Cover((y * Stride) + x, light, share);
            }
        }
    }

    /// <summary>Adds a round glow that fades to nothing at <paramref name="radius"/>.</summary>
    public void Glow(float centerX, float centerY, float radius, Vector3 light)
    {
        var (x0, x1) = (Math.Max(0, (int)(centerX - radius)), Math.Min(Width - 1, (int)(centerX + radius) + 1));
        var (y0, y1) = (Math.Max(0, (int)(centerY - radius)), Math.Min(Height - 1, (int)(centerY + radius) + 1));
        var scale = 1 / (radius * radius);
        for (var y = y0; y <= y1; y++)
        {
            var dy = y + 0.5f - centerY;
            for (var x = x0; x <= x1; x++)
            {
                var dx = x + 0.5f - centerX;
                var rest = 1 - (((dx * dx) + (dy * dy)) * scale);
                if (rest > 0) Add((y * Stride) + x, light * (rest * rest));
            }
        }
    }

    /// <summary>Covers a disc with a soft edge of about a pixel.</summary>
    public void Disc(float centerX, float centerY, float radius, Vector3 light, float cover = 1)
    {
        var reach = radius + 1;
        var (x0, x1) = (Math.Max(0, (int)(centerX - reach)), Math.Min(Width - 1, (int)(centerX + reach) + 1));
        var (y0, y1) = (Math.Max(0, (int)(centerY - reach)), Math.Min(Height - 1, (int)(centerY + reach) + 1));
        for (var y = y0; y <= y1; y++)
        {
            var dy = y + 0.5f - centerY;
            for (var x = x0; x <= x1; x++)
            {
                var dx = x + 0.5f - centerX;
                var share = Maths.Clamp01(radius + 0.5f - MathF.Sqrt((dx * dx) + (dy * dy)));
                if (share > 0) Cover((y * Stride) + x, light, share * cover);
            }
        }
    }

    /// <summary>Fills this frame with the smaller one, stretched smoothly.</summary>
    public void Stretch(Frame small)
    {
        StretchPlane(small, small.R, R);
        StretchPlane(small, small.G, G);
        StretchPlane(small, small.B, B);
    }

    /// <summary>Fills a plane of this frame's size with one of the smaller frame's.</summary>
    public void StretchPlane(Frame small, float[] from, float[] to)
    {
        var (scaleX, scaleY) = ((float)small.Width / Width, (float)small.Height / Height);
        var row = Scratch(-1, small.Stride + 16);
        var indexes = ColumnsOf(small.Width, scaleX, out var shares);
        for (var y = 0; y < Height; y++)
        {
            var sourceY = Math.Clamp(((y + 0.5f) * scaleY) - 0.5f, 0, small.Height - 1);
            var above = Math.Min((int)sourceY, Math.Max(0, small.Height - 2));
            var below = Math.Min(above + 1, small.Height - 1) * small.Stride;
            above *= small.Stride;
            var share = new Vector<float>(sourceY - MathF.Floor(sourceY));
            for (var x = 0; x < small.Stride; x += Maths.LaneCount) Maths.Store(Maths.Lerp(Maths.Load(from, above + x), Maths.Load(from, below + x), share), row, x);
            var at = y * Stride;
            for (var x = 0; x < Width; x++)
            {
                var index = indexes[x];
                to[at + x] = row[index] + ((row[index + 1] - row[index]) * shares[x]);
            }
        }
    }

    private int[] ColumnsOf(int smallWidth, float scale, out float[] shares)
    {
        var indexes = new int[Width];
        shares = Scratch(-2, Width);
        for (var x = 0; x < Width; x++)
        {
            var source = Math.Clamp(((x + 0.5f) * scale) - 0.5f, 0, smallWidth - 1.001f);
            indexes[x] = (int)source;
            shares[x] = source - indexes[x];
        }

        return indexes;
    }
}
