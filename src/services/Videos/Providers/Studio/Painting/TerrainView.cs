using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>Where one looks at a <see cref="Terrain"/> from; lengths in its cells.</summary>
internal sealed record Camera
{
    public required float X { get; init; }

    public required float Z { get; init; }

    public required float Height { get; init; }

    /// <summary>Radians; 0 looks along z.</summary>
    public float Heading { get; init; }

    /// <summary>The horizon's height from the top, as a share of the picture.</summary>
    public required float Horizon { get; init; }

    /// <summary>Tilt of the picture, as the share of the height by which the horizon differs from one side to the other.</summary>
    public float Roll { get; init; }

    public float Near { get; init; } = 6;

    public float Far { get; init; } = 620;

    /// <summary>Focal length in units of the picture's shorter side.</summary>
    public float Zoom { get; init; } = 0.9f;
}

/// <summary>The air between: what colour it has toward a direction, and how much of it lies before a place.</summary>
internal delegate (Vector3 Colour, float Share) Air(float distance, float height, float screenX);

/// <summary>The light of a water surface at a place, seen at a distance.</summary>
internal delegate Vector3 Water(float x, float z, float distance, float screenX);

/// <summary>
/// Shows a terrain in perspective, one column of pixels after the other, from near to far: each step fills the column up to where the land there
/// reaches, so that nothing hidden is ever painted. (The way of the flight games of 1992, with edges smoothed.) The frame holds the sky before.
/// </summary>
internal static class TerrainView
{
    private const float StepGrowth = 0.006f;

    [MethodImpl(Maths.Hot)]
    public static void Paint(Frame frame, Terrain terrain, Camera camera, Air air, Water? water)
    {
        var (sin, cos) = MathF.SinCos(camera.Heading);
        var focal = camera.Zoom * frame.Unit;
        for (var column = 0; column < frame.Width; column++)
        {
            var side = (column + 0.5f - (frame.Width / 2f)) / focal;
            var screenX = (column + 0.5f) / frame.Width;
            var (rayX, rayZ) = (sin + (side * cos), cos - (side * sin));
            var horizon = frame.Height * (camera.Horizon + (camera.Roll * (screenX - 0.5f)));
            PaintColumn(frame, column, screenX, horizon, focal, rayX, rayZ, terrain, camera, air, water);
        }
    }

    [MethodImpl(Maths.Hot)]
    private static void PaintColumn(
        Frame frame, int column, float screenX, float horizon, float focal, float rayX, float rayZ, Terrain terrain, Camera camera, Air air, Water? water)
    {
        var top = (float)frame.Height; // everything below is painted already
        var (edge, edgeCover) = (Vector3.Zero, 0f); // what is known of the pixel that holds the top, and how much of it
        var before = Vector3.Zero;
        var first = true;
        for (var distance = camera.Near; distance < camera.Far && top > 0; distance += MathF.Max(0.5f, distance * StepGrowth))
        {
            var (x, z) = (camera.X + (rayX * distance), camera.Z + (rayZ * distance));
            var height = terrain.HeightAt(x, z);
            var reach = MathF.Max(0, horizon + ((camera.Height - height) * focal / distance));
            if (reach >= top) continue;
            var ground = water is not null && height <= terrain.WaterLevel + 0.01f ? water(x, z, distance, screenX) : terrain.ColourAt(x, z);
            var (mist, share) = air(distance, height, screenX);
            var light = Vector3.Lerp(ground, mist, share);
            if (first) before = light;
            first = false;

            var pixel = Math.Min((int)MathF.Ceiling(top) - 1, frame.Height - 1);
            if (reach >= pixel)
            {
                edge += light * (top - reach);
                edgeCover += top - reach;
            }
            else
            {
                Put(frame, (pixel * frame.Stride) + column, edge + (before * (1 - edgeCover)));
                var step = 1 / (top - reach);
                var last = (int)MathF.Ceiling(reach);
                for (var y = pixel - 1; y >= last; y--) Put(frame, (y * frame.Stride) + column, Vector3.Lerp(light, before, (y + 0.5f - reach) * step));
                edgeCover = last - reach;
                edge = light * edgeCover;
            }

            (top, before) = (reach, light);
        }

        if (edgeCover > 0 && top > 0) frame.Cover((((int)MathF.Ceiling(top) - 1) * frame.Stride) + column, edge / edgeCover, edgeCover);
    }

    private static void Put(Frame frame, int at, Vector3 light)
    {
        frame.R[at] = light.X;
        frame.G[at] = light.Y;
        frame.B[at] = light.Z;
    }
}
