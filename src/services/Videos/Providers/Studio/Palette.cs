using System.Numerics;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>The time of day or the taste that a prompt asks for.</summary>
internal enum Mood
{
    Day,
    Dawn,
    Golden,
    Sunset,
    Dusk,
    Night,
    Neon,
    Pastel,
    Noir,
    Storm,
    Ice,
    Dream,
}

/// <summary>The colours of one clip in linear light, and how it is developed.</summary>
internal sealed record Palette
{
    /// <summary>The sky overhead, half-way, and where it meets the land.</summary>
    public required Vector3 Zenith { get; init; }

    public required Vector3 Middle { get; init; }

    public required Vector3 Horizon { get; init; }

    /// <summary>The sun or moon; brighter than white.</summary>
    public required Vector3 Sun { get; init; }

    /// <summary>What lies between us and far things.</summary>
    public required Vector3 Fog { get; init; }

    /// <summary>The nearest silhouettes.</summary>
    public required Vector3 Shade { get; init; }

    /// <summary>Two colours for what glows by itself: signs, nebulae, ribbons.</summary>
    public required Vector3 Accent { get; init; }

    public required Vector3 Accent2 { get; init; }

    /// <summary>Height of the sun over the horizon: 0 touches it, 1 is the top of the picture.</summary>
    public float SunHeight { get; init; } = 0.3f;

    /// <summary>0 none, 1 a clear night.</summary>
    public float Stars { get; init; }

    public Look Look { get; init; } = new();

    public static Palette Of(Mood mood) => mood switch
    {
        Mood.Day => new()
        {
            Zenith = Hex(0x1E5FA8),
            Middle = Hex(0x5E9BD6),
            Horizon = Hex(0xCFE4F2),
            Sun = Hex(0xFFF3D6) * 5,
            Fog = Hex(0xB4CFE2),
            Shade = Hex(0x1A2B22),
            Accent = Hex(0xF2B544),
            Accent2 = Hex(0x3FA7A0),
            SunHeight = 0.62f,
        },
        Mood.Dawn => new()
        {
            Zenith = Hex(0x2B3F73),
            Middle = Hex(0x9A7FA8),
            Horizon = Hex(0xF7C9A0),
            Sun = Hex(0xFFD9A8) * 4.5f,
            Fog = Hex(0xD9B3B0),
            Shade = Hex(0x241D30),
            Accent = Hex(0xF59E8B),
            Accent2 = Hex(0x7FA6C9),
            SunHeight = 0.12f,
            Stars = 0.1f,
        },
        Mood.Golden => new()
        {
            Zenith = Hex(0x35618F),
            Middle = Hex(0xC79A62),
            Horizon = Hex(0xFFD58A),
            Sun = Hex(0xFFE0A0) * 5,
            Fog = Hex(0xE3B778),
            Shade = Hex(0x2B1E12),
            Accent = Hex(0xF6B13C),
            Accent2 = Hex(0x9BB36B),
            SunHeight = 0.24f,
            Look = new() { LightTint = new(1.03f, 1, 0.95f) },
        },
        Mood.Sunset => new()
        {
            Zenith = Hex(0x1D2458),
            Middle = Hex(0x9C3B6E),
            Horizon = Hex(0xFF9A4A),
            Sun = Hex(0xFFB25E) * 5,
            Fog = Hex(0xD9694F),
            Shade = Hex(0x1B1024),
            Accent = Hex(0xFF6B3D),
            Accent2 = Hex(0xB34A8E),
            SunHeight = 0.1f,
            Stars = 0.12f,
            Look = new() { ShadowTint = new(0.96f, 0.95f, 1.07f), Saturation = 1.1f },
        },
        Mood.Dusk => new()
        {
            Zenith = Hex(0x0E1738),
            Middle = Hex(0x2F4A86),
            Horizon = Hex(0xE08E79),
            Sun = Hex(0xFFC39A) * 2,
            Fog = Hex(0x5A6597),
            Shade = Hex(0x0C1022),
            Accent = Hex(0xFFB45C),
            Accent2 = Hex(0x5F8FE8),
            SunHeight = 0.03f,
            Stars = 0.4f,
            Look = new() { ShadowTint = new(0.94f, 0.97f, 1.1f) },
        },
        Mood.Night => new()
        {
            Zenith = Hex(0x050A1C),
            Middle = Hex(0x0D1C40),
            Horizon = Hex(0x25406E),
            Sun = Hex(0xDCE8FF) * 2.2f,
            Fog = Hex(0x1B2F55),
            Shade = Hex(0x05070F),
            Accent = Hex(0xFFC46B),
            Accent2 = Hex(0x4FB3FF),
            SunHeight = 0.6f,
            Stars = 1,
            Look = new() { ShadowTint = new(0.92f, 0.97f, 1.12f), Grain = 2.2f },
        },
        Mood.Neon => new()
        {
            Zenith = Hex(0x0B0524),
            Middle = Hex(0x3B0F5C),
            Horizon = Hex(0xE0408F),
            Sun = Hex(0xFF7AC8) * 4,
            Fog = Hex(0x5A1F80),
            Shade = Hex(0x07030F),
            Accent = Hex(0xFF2E88),
            Accent2 = Hex(0x18E0FF),
            SunHeight = 0.2f,
            Stars = 0.5f,
            Look = new() { Saturation = 1.22f, Bloom = 0.9f, Grain = 2.2f },
        },
        Mood.Pastel => new()
        {
            Zenith = Hex(0x9EC5E8),
            Middle = Hex(0xD5C6EA),
            Horizon = Hex(0xFFE3DC),
            Sun = Hex(0xFFF2E0) * 3,
            Fog = Hex(0xEBD5E3),
            Shade = Hex(0x5E5A86),
            Accent = Hex(0xF7A8B8),
            Accent2 = Hex(0x8FD3C8),
            SunHeight = 0.3f,
            Look = new() { Saturation = 0.95f, Vignette = 0.18f, Exposure = 1.08f },
        },
        Mood.Noir => new()
        {
            Zenith = Hex(0x101214),
            Middle = Hex(0x33373B),
            Horizon = Hex(0xA9B0B5),
            Sun = Hex(0xF2F5F7) * 4,
            Fog = Hex(0x6B7277),
            Shade = Hex(0x060708),
            Accent = Hex(0xE8ECEF),
            Accent2 = Hex(0x8B9298),
            SunHeight = 0.3f,
            Stars = 0.2f,
            Look = new() { Saturation = 0.04f, Vignette = 0.6f, Grain = 5, ShadowTint = new(0.98f, 1, 1.02f) },
        },
        Mood.Storm => new()
        {
            Zenith = Hex(0x12181F),
            Middle = Hex(0x2C3842),
            Horizon = Hex(0xB4C2C2),
            Sun = Hex(0xD8E6EA) * 1.8f,
            Fog = Hex(0x5B6A70),
            Shade = Hex(0x080B0D),
            Accent = Hex(0xBFD9FF),
            Accent2 = Hex(0x5E7F8C),
            SunHeight = 0.3f,
            Look = new() { Saturation = 0.95f, Exposure = 1.3f, ShadowTint = new(0.95f, 1.01f, 1.06f), Vignette = 0.46f },
        },
        Mood.Ice => new()
        {
            Zenith = Hex(0x2B6AA0),
            Middle = Hex(0x86BAD8),
            Horizon = Hex(0xEAF6FA),
            Sun = Hex(0xFFFFFF) * 4,
            Fog = Hex(0xD2E7F0),
            Shade = Hex(0x16324A),
            Accent = Hex(0x7FE0F2),
            Accent2 = Hex(0xB9A8F0),
            SunHeight = 0.28f,
            Look = new() { Saturation = 0.98f, ShadowTint = new(0.93f, 1, 1.08f) },
        },
        _ => new()
        {
            Zenith = Hex(0x1A1050),
            Middle = Hex(0x6A3FA0),
            Horizon = Hex(0xFFB7C9),
            Sun = Hex(0xFFE3F0) * 3.5f,
            Fog = Hex(0xA97CC4),
            Shade = Hex(0x170B2E),
            Accent = Hex(0x6BF0D0),
            Accent2 = Hex(0xFF8AD0),
            SunHeight = 0.26f,
            Stars = 0.5f,
            Look = new() { Saturation = 1.12f, Bloom = 0.75f },
        },
    };

    /// <summary>The same palette a little to one side, so that two clips of one mood are not of one ink.</summary>
    public Palette Turned(float degrees)
    {
        var (sin, cos) = MathF.SinCos(degrees * MathF.PI / 180);
        Vector3 Turn(Vector3 colour)
        {
            // Rodrigues' rotation about the grey axis keeps brightness nearly as it was.
            var axis = new Vector3(0.57735f);
            var turned = (colour * cos) + (Vector3.Cross(axis, colour) * sin) + (axis * Vector3.Dot(axis, colour) * (1 - cos));
            return Vector3.Max(turned, Vector3.Zero);
        }

        return this with
        {
            Zenith = Turn(Zenith),
            Middle = Turn(Middle),
            Horizon = Turn(Horizon),
            Sun = Turn(Sun),
            Fog = Turn(Fog),
            Shade = Turn(Shade),
            Accent = Turn(Accent),
            Accent2 = Turn(Accent2),
        };
    }

    /// <summary>A colour as people write it, 0xRRGGBB in sRGB, as linear light.</summary>
    public static Vector3 Hex(int rgb)
    {
        static float Linear(int value) => MathF.Pow(((value / 255f) + 0.055f) / 1.055f, 2.4f);
        return new Vector3(Linear((rgb >> 16) & 255), Linear((rgb >> 8) & 255), Linear(rgb & 255));
    }
}
