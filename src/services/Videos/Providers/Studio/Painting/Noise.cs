using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// Smooth randomness for pictures: gradient noise after Perlin (2002), several pixels at a time. Every function depends on its arguments
/// alone; a lane gives the same number however wide the machine's vectors are.
/// </summary>
internal static class Noise
{
    private const int PrimeX = 0x27D4EB2D;
    private const int PrimeY = 0x165667B1;
    private const int PrimeSeed = unchecked((int)0x9E3779B1);
    private const float SlopeUnit = 1f / (1L << 31);

    /// <summary>About -1 .. 1, mean 0, with features one unit wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> At(Vector<float> x, Vector<float> y, int seed)
    {
        var (floorX, floorY) = (Vector.Floor(x), Vector.Floor(y));
        var (fx, fy) = (x - floorX, y - floorY);
        var hashX = Vector.ConvertToInt32Native(floorX) * PrimeX;
        var hashY = (Vector.ConvertToInt32Native(floorY) * PrimeY) + new Vector<int>(seed * PrimeSeed);
        var (hashX1, hashY1) = (hashX + new Vector<int>(PrimeX), hashY + new Vector<int>(PrimeY));
        var one = Vector<float>.One;
        var a = Corner(hashX + hashY, fx, fy);
        var b = Corner(hashX1 + hashY, fx - one, fy);
        var c = Corner(hashX + hashY1, fx, fy - one);
        var d = Corner(hashX1 + hashY1, fx - one, fy - one);
        var (u, v) = (Fade(fx), Fade(fy));
        var low = a + ((b - a) * u);
        return (low + ((c + ((d - c) * u) - low) * v)) * (1.4f * SlopeUnit);
    }

    /// <summary>Sum of octaves, each twice as fine and <paramref name="gain"/> as strong; about -1 .. 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Fbm(Vector<float> x, Vector<float> y, int octaves, int seed, float gain = 0.5f)
    {
        var sum = Vector<float>.Zero;
        var (strength, total) = (1f, 0f);
        for (var octave = 0; octave < octaves; octave++)
        {
            sum += At(x, y, seed + octave) * strength;
            total += strength;
            strength *= gain;
            // A turn between octaves hides the lattice.
            (x, y) = ((x * 1.62f) + (y * 1.18f), (y * 1.62f) - (x * 1.18f));
        }

        return sum * (1.25f / total);
    }

    /// <summary>Sharp crests where <see cref="At(Vector{float}, Vector{float}, int)"/> crosses zero; 0 .. 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Ridged(Vector<float> x, Vector<float> y, int octaves, int seed, float gain = 0.5f)
    {
        var sum = Vector<float>.Zero;
        var (strength, total) = (1f, 0f);
        for (var octave = 0; octave < octaves; octave++)
        {
            var ridge = Vector<float>.One - Vector.Min(Vector<float>.One, Vector.Abs(At(x, y, seed + octave)) * 1.6f);
            sum += ridge * ridge * strength;
            total += strength;
            strength *= gain;
            (x, y) = ((x * 1.62f) + (y * 1.18f), (y * 1.62f) - (x * 1.18f));
        }

        return sum / total;
    }

    /// <summary>One point of <see cref="At(Vector{float}, Vector{float}, int)"/>.</summary>
    [MethodImpl(Maths.Hot)]
    public static float At(float x, float y, int seed) => At(new Vector<float>(x), new Vector<float>(y), seed)[0];

    /// <summary>One point of <see cref="Fbm(Vector{float}, Vector{float}, int, int, float)"/>.</summary>
    [MethodImpl(Maths.Hot)]
    public static float Fbm(float x, float y, int octaves, int seed, float gain = 0.5f) => Fbm(new Vector<float>(x), new Vector<float>(y), octaves, seed, gain)[0];

    /// <summary>Unrelated numbers for neighbouring arguments; 0 .. 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Hash(int x, int y, int seed)
    {
        unchecked
        {
            var hash = (uint)((x * PrimeX) + (y * PrimeY) + (seed * PrimeSeed));
            hash ^= hash >> 15;
            hash *= 0x85EBCA77;
            hash ^= hash >> 13;
            hash *= 0xC2B2AE3D;
            hash ^= hash >> 16;
            return (hash >> 8) * (1f / (1 << 24));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Fade(Vector<float> t) => t * t * t * ((t * ((t * 6f) - new Vector<float>(15f))) + new Vector<float>(10f));

    /// <summary>
    /// The pull of one lattice corner: a pseudo-random slope times the way to it. The slope's two parts are the hash's upper and lower half as they stand in
    /// an integer; <see cref="SlopeUnit"/>, a power of two and so exact, is left to whoever adds the corners up.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Corner(Vector<int> hash, Vector<float> dx, Vector<float> dy)
    {
        hash ^= Vector.ShiftRightLogical(hash, 15);
        hash *= unchecked((int)0x85EBCA77);
        hash ^= Vector.ShiftRightLogical(hash, 13);
        return (Vector.ConvertToSingle(hash) * dx) + (Vector.ConvertToSingle(Vector.ShiftLeft(hash, 16)) * dy);
    }
}
