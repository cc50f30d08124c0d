using System.Numerics;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>A person's picture as the studio uses it: as light in the clip's size, and the colours it lends to the scene it turns into.</summary>
internal sealed class ReferencePicture
{
    private ReferencePicture(Frame light, Vector3 mean) => (Light, Mean) = (light, mean);

    public Frame Light { get; }

    /// <summary>The average colour, in linear light.</summary>
    public Vector3 Mean { get; }

    /// <summary>Of rgb24 bytes in exactly the clip's size.</summary>
    public static ReferencePicture Of(ReadOnlySpan<byte> rgb, int width, int height, Look look)
    {
        if (rgb.Length != width * height * 3) throw new ArgumentException("The picture is not of the clip's size.", nameof(rgb));
        var frame = new Frame(width, height);
        var linear = new float[256];
        for (var value = 0; value < 256; value++) linear[value] = Develop.LightOf(value / 255f) / look.Exposure;
        var sum = Vector3.Zero;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (at, from) = ((y * frame.Stride) + x, ((y * width) + x) * 3);
                (frame.R[at], frame.G[at], frame.B[at]) = (linear[rgb[from]], linear[rgb[from + 1]], linear[rgb[from + 2]]);
                sum += new Vector3(frame.R[at], frame.G[at], frame.B[at]);
            }
        }

        return new ReferencePicture(frame, sum / (width * height));
    }

    /// <summary>The scene's palette drawn half-way to the picture's colours, so that one grows out of the other.</summary>
    public Palette Lend(Palette palette)
    {
        var brightness = MathF.Max(0.02f, (Mean.X + Mean.Y + Mean.Z) / 3);
        var tint = Vector3.Clamp(Mean / brightness, new Vector3(0.6f), new Vector3(1.6f));
        var half = Vector3.Lerp(Vector3.One, tint, 0.5f);
        return palette with
        {
            Zenith = palette.Zenith * half,
            Middle = palette.Middle * half,
            Horizon = palette.Horizon * half,
            Fog = palette.Fog * half,
            Sun = palette.Sun * Vector3.Lerp(Vector3.One, tint, 0.25f),
        };
    }
}
