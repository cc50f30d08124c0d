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
    public static Light operator *(Light one, Light other) => new(one.R * other.R, one.G * other.G, one.B * other.B);

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
    private readonly Dictionary<(int Width, int Height, int Number), StretchedPlane> _stretched = [];

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

    /// <summary>Adds the light to the pixels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int at, Light light) => Set(at, Get(at) + light);

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
        var (y0, y1) = (Math.Max(0, (int)MathF.Floor(top)), Math.Min(Height - 1, (int)MathF.Ceiling(bottom) - 1));
        for (var y = y0; y <= y1; y++) Span(y, left, right, light, cover * (Math.Min(bottom, y + 1) - Math.Max(top, y)));
    }

    /// <summary>Covers one row from <paramref name="left"/> to <paramref name="right"/>, with fractional ends.</summary>
    [MethodImpl(Maths.Hot)]
    public void Span(int y, float left, float right, Vector3 light, float cover = 1)
    {
        if (y < 0 || y >= Height || right <= 0 || left >= Width) return;
        (left, right) = (MathF.Max(left, 0), MathF.Min(right, Width));
        var (from, to) = (new Vector<float>(left), new Vector<float>(right));
        var lights = Light.Of(light);
        var row = y * Stride;
        // Whole vectors from an even start stay within the padded row.
        for (var x = (int)left & ~(Maths.LaneCount - 1); x < right; x += Maths.LaneCount)
        {
            var pixel = Maths.Lanes + new Vector<float>(x);
            var inside = Vector.Min(to, pixel + Vector<float>.One) - Vector.Max(from, pixel);
            Cover(row + x, lights, Vector.Max(inside, Vector<float>.Zero) * cover);
        }
    }

    /// <summary>Adds a round glow that fades to nothing at <paramref name="radius"/>.</summary>
    [MethodImpl(Maths.Hot)]
    public void Glow(float centerX, float centerY, float radius, Vector3 light)
    {
        var (x0, x1) = (Math.Max(0, (int)(centerX - radius)), Math.Min(Width - 1, (int)(centerX + radius) + 1));
        var (y0, y1) = (Math.Max(0, (int)(centerY - radius)), Math.Min(Height - 1, (int)(centerY + radius) + 1));
        var scale = 1 / (radius * radius);
        var lights = Light.Of(light);
        for (var y = y0; y <= y1; y++)
        {
            var dy = y + 0.5f - centerY;
            var row = y * Stride;
            for (var x = x0 & ~(Maths.LaneCount - 1); x <= x1; x += Maths.LaneCount)
            {
                var dx = Maths.Lanes + new Vector<float>(x + 0.5f - centerX);
                var rest = Vector.Max(Vector<float>.Zero, Vector<float>.One - (((dx * dx) + new Vector<float>(dy * dy)) * scale));
                Add(row + x, lights * (rest * rest));
            }
        }
    }

    /// <summary>Covers a disc with a soft edge of about a pixel.</summary>
    [MethodImpl(Maths.Hot)]
    public void Disc(float centerX, float centerY, float radius, Vector3 light, float cover = 1)
    {
        var reach = radius + 1;
        var (x0, x1) = (Math.Max(0, (int)(centerX - reach)), Math.Min(Width - 1, (int)(centerX + reach) + 1));
        var (y0, y1) = (Math.Max(0, (int)(centerY - reach)), Math.Min(Height - 1, (int)(centerY + reach) + 1));
        var lights = Light.Of(light);
        for (var y = y0; y <= y1; y++)
        {
            var dy = y + 0.5f - centerY;
            for (var x = x0 & ~(Maths.LaneCount - 1); x <= x1; x += Maths.LaneCount)
            {
                var dx = Maths.Lanes + new Vector<float>(x + 0.5f - centerX);
                var share = Maths.Clamp01(new Vector<float>(radius + 0.5f) - Vector.SquareRoot((dx * dx) + new Vector<float>(dy * dy)));
                Cover((y * Stride) + x, lights, share * cover);
            }
        }
    }

    /// <summary>Fills this frame's first <paramref name="rows"/> rows with the smaller one, stretched smoothly.</summary>
    [MethodImpl(Maths.Hot)]
    public void Stretch(Frame small, int rows)
    {
        var (r, g, b) = Stretched(small);
        for (var y = 0; y < rows; y++)
        {
            var (red, green, blue) = (r.Row(y), g.Row(y), b.Row(y));
            for (var x = 0; x < Stride; x += Maths.LaneCount) Set((y * Stride) + x, new Light(red.At(x), green.At(x), blue.At(x)));
        }
    }

    /// <summary>Fills this frame with the smaller one, stretched smoothly.</summary>
    public void Stretch(Frame small) => Stretch(small, Height);

    /// <summary>Adds the smaller frame's light to the whole.</summary>
    [MethodImpl(Maths.Hot)]
    public void AddStretched(Frame small, float strength = 1)
    {
        var (r, g, b) = Stretched(small);
        for (var y = 0; y < Height; y++)
        {
            var (red, green, blue) = (r.Row(y), g.Row(y), b.Row(y));
            for (var x = 0; x < Stride; x += Maths.LaneCount) Add((y * Stride) + x, new Light(red.At(x), green.At(x), blue.At(x)) * new Vector<float>(strength));
        }
    }

    /// <summary>The smaller frame's colours as planes of this frame's size.</summary>
    public (StretchedPlane R, StretchedPlane G, StretchedPlane B) Stretched(Frame small) => (Stretched(small, small.R, 0), Stretched(small, small.G, 1), Stretched(small, small.B, 2));

    /// <summary>A plane of the smaller frame's size as one of this frame's size, until the next with the same <paramref name="number"/>, 0 to 3.</summary>
    public StretchedPlane Stretched(Frame small, float[] plane, int number)
    {
        if (!_stretched.TryGetValue((small.Width, small.Height, number), out var stretched))
            _stretched[(small.Width, small.Height, number)] = stretched = new StretchedPlane(small, this);
        stretched.Show(plane);
        return stretched;
    }
}
