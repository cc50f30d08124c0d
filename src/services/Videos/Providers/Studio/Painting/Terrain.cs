using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>What a place on the map is made of, given its height and how steep it is.</summary>
internal delegate Vector3 GroundColour(float height, float steepness, float speck);

/// <summary>The heights of several places at once; coordinates in map cells.</summary>
internal delegate Vector<float> GroundHeight(Vector<float> x, Vector<float> z);

/// <summary>
/// A square of land as seen from above: heights, and the light that leaves each place, sunlit and shadowed once and for all. Settled when
/// the scene is made, on all cores, since nothing on it depends on the moment.
/// </summary>
internal sealed class Terrain
{
    public const int Side = 1024;

    private const int ShadowSteps = 48;

    private readonly float[] _heights = new float[(Side * Side) + 16];
    private readonly float[] _r = new float[(Side * Side) + 16];
    private readonly float[] _g = new float[(Side * Side) + 16];
    private readonly float[] _b = new float[(Side * Side) + 16];

    /// <param name="heightOf">Heights in cells.</param>
    /// <param name="colourOf">The ground's own colour.</param>
    /// <param name="toSun">From the land to the sun; y is up.</param>
    /// <param name="sun">The sun's light on a surface that faces it.</param>
    /// <param name="sky">The sky's light from everywhere.</param>
    /// <param name="waterLevel">Land below it is left flat at this height; NaN for dry land.</param>
    /// <param name="seed">Seeds the grain of the ground.</param>
    public Terrain(GroundHeight heightOf, GroundColour colourOf, Vector3 toSun, Vector3 sun, Vector3 sky, float waterLevel, int seed)
    {
        WaterLevel = waterLevel;
        Parallel.For(0, Side, z =>
        {
            for (var x = 0; x < Side; x += Maths.LaneCount)
            {
                var height = heightOf(Maths.Lanes + new Vector<float>(x), new Vector<float>(z));
                if (!float.IsNaN(waterLevel)) height = Vector.Max(height, new Vector<float>(waterLevel));
                Maths.Store(height, _heights, (z * Side) + x);
            }
        });
        toSun = Vector3.Normalize(toSun);
        Parallel.For(0, Side, z => LightRow(z, colourOf, toSun, sun, sky, seed));
    }

    public float WaterLevel { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float HeightAt(float x, float z)
    {
        var (at, fx, fz) = Locate(x, z);
        return Blend(_heights, at, fx, fz);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector3 ColourAt(float x, float z)
    {
        var (at, fx, fz) = Locate(x, z);
        return new Vector3(Blend(_r, at, fx, fz), Blend(_g, at, fx, fz), Blend(_b, at, fx, fz));
    }

    /// <summary>Between four neighbours, of which <see cref="Locate"/> named the first: it stays within the plane, so that nothing is checked here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Blend(float[] plane, int at, float fx, float fz)
    {
        ref var first = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(plane), at);
        var low = first + ((Unsafe.Add(ref first, 1) - first) * fx);
        var left = Unsafe.Add(ref first, Side);
        var high = left + ((Unsafe.Add(ref first, Side + 1) - left) * fx);
        return low + ((high - low) * fz);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int At, float X, float Z) Locate(float x, float z)
    {
        const float Max = Side - 2.001f;
        x = x > 0 ? x < Max ? x : Max : 0; // a number that is none becomes 0, too
        z = z > 0 ? z < Max ? z : Max : 0;
        var (column, row) = (float.ConvertToIntegerNative<int>(x), float.ConvertToIntegerNative<int>(z));
        return ((row * Side) + column, x - column, z - row);
    }

    [MethodImpl(Maths.Hot)]
    private void LightRow(int z, GroundColour colourOf, Vector3 toSun, Vector3 sun, Vector3 sky, int seed)
    {
        var (above, below) = (Math.Max(z - 1, 0) * Side, Math.Min(z + 1, Side - 1) * Side);
        for (var x = 0; x < Side; x++)
        {
            var at = (z * Side) + x;
            var height = _heights[at];
            var normal = Vector3.Normalize(new Vector3(
                _heights[(z * Side) + Math.Max(x - 1, 0)] - _heights[(z * Side) + Math.Min(x + 1, Side - 1)], 2, _heights[above + x] - _heights[below + x]));
            var colour = colourOf(height, 1 - normal.Y, Noise.Hash(x, z, seed));
            var lit = MathF.Max(0, Vector3.Dot(normal, toSun));
            if (lit > 0) lit *= ShadowAt(x, z, height, toSun);
            // Hollows see less of the sky than crests.
            var around = (_heights[(z * Side) + Math.Max(x - 6, 0)] + _heights[(z * Side) + Math.Min(x + 6, Side - 1)]
                + _heights[(Math.Max(z - 6, 0) * Side) + x] + _heights[(Math.Min(z + 6, Side - 1) * Side) + x]) * 0.25f;
            var open = Math.Clamp(0.75f + ((height - around) * 0.09f), 0.3f, 1.15f) * (0.55f + (0.45f * normal.Y));
            var light = colour * ((sun * lit) + (sky * open));
            (_r[at], _g[at], _b[at]) = (light.X, light.Y, light.Z);
        }
    }

    /// <summary>Walks toward the sun; land that rises above the ray takes the light, softly near its edge.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float ShadowAt(int x, int z, float height, Vector3 toSun)
    {
        var flat = MathF.Sqrt((toSun.X * toSun.X) + (toSun.Z * toSun.Z));
        if (flat < 1e-3f) return 1;
        var (stepX, stepZ, rise) = (toSun.X / flat, toSun.Z / flat, toSun.Y / flat);
        var (light, distance, stride) = (1f, 1.5f, 1f);
        for (var step = 0; step < ShadowSteps; step++)
        {
            var (px, pz) = (x + (stepX * distance), z + (stepZ * distance));
            if (px < 0 || pz < 0 || px >= Side || pz >= Side) break;
            var clearance = height + (rise * distance) - _heights[((int)pz * Side) + (int)px];
            light = MathF.Min(light, 0.5f + (clearance * 5 / (distance + 6)));
            if (light <= 0) return 0;
            distance += stride;
            stride *= 1.07f;
        }

        return Math.Clamp(light, 0, 1);
    }
}
