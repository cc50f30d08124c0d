using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>The few curves that every painter uses, for one number and for many.</summary>
internal static class Maths
{
    /// <summary>
    /// For the loops over pixels, and only those: compiled once, at its best, and nowhere else. The first clip of a process is half over before the
    /// runtime has found out by itself what is hot; until then it would paint with code that is several times slower.
    /// </summary>
    public const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;

    /// <summary>0, 1, 2, ... up to the machine's width.</summary>
    public static Vector<float> Lanes => Vector<float>.Indices;

    public static int LaneCount => Vector<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Clamp01(float value) => Math.Clamp(value, 0, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Clamp01(Vector<float> value) => Vector.Min(Vector<float>.One, Vector.Max(Vector<float>.Zero, value));

    /// <summary>0 below <paramref name="from"/>, 1 above <paramref name="to"/>, smooth between; the edges may be in either order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Smooth(float from, float to, float value)
    {
        var t = Clamp01((value - from) / (to - from));
        return t * t * (3 - (2 * t));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Smooth(float from, float to, Vector<float> value)
    {
        var t = Clamp01((value - new Vector<float>(from)) * (1 / (to - from)));
        return t * t * (new Vector<float>(3) - (t * 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Lerp(float from, float to, float t) => from + ((to - from) * t);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Lerp(Vector<float> from, Vector<float> to, Vector<float> t) => from + ((to - from) * t);

    /// <summary>e^-x for x of 0 and more, within 1 %: 1 / (1 + x + 0.48 x² + 0.235 x³), all that a glow needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Decay(Vector<float> x) =>
        Vector<float>.One / (Vector<float>.One + (x * (Vector<float>.One + (x * (new Vector<float>(0.48f) + (x * 0.235f))))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Decay(float x) => 1 / (1 + (x * (1 + (x * (0.48f + (x * 0.235f))))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(float[] values, int at) => Vector.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(values), (nuint)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector<float> value, float[] values, int at) => value.StoreUnsafe(ref MemoryMarshal.GetArrayDataReference(values), (nuint)at);

    /// <summary>
    /// Spreads the first half of <paramref name="row"/> over <paramref name="width"/> points and one vector more, in place: the old points at the even places, between them what lies half-way.
    /// </summary>
    [MethodImpl(Hot)]
    public static void Spread(float[] row, int width)
    {
        // From the end, so that no point is overwritten before it is read.
        for (var x = (width / 2 / LaneCount * LaneCount); x >= 0; x -= LaneCount)
        {
            var here = Load(row, x);
            var between = (here + Load(row, x + 1)) * 0.5f;
            // Widened to twice its size a point leaves room for its neighbour in the upper half.
            Vector.Widen(Vector.AsVectorUInt32(here), out var evenLow, out var evenHigh);
            Vector.Widen(Vector.AsVectorUInt32(between), out var oddLow, out var oddHigh);
            Store(Vector.AsVectorSingle(evenLow | Vector.ShiftLeft(oddLow, 32)), row, 2 * x);
            Store(Vector.AsVectorSingle(evenHigh | Vector.ShiftLeft(oddHigh, 32)), row, (2 * x) + LaneCount);
        }
    }
}
