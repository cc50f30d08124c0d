namespace SkyRiff.Videos.Media;

/// <summary>One rendition to make. <paramref name="Name"/> is its shorter side (<c>360p</c>).</summary>
internal sealed record Rung(string Name, int Width, int Height, int Quality, int BitrateMax, int AudioBitrate);

/// <summary>
/// Which renditions a picture gets: one at 360 lines that is ready first, one at 720, counted on the shorter side so that upright clips get the
/// same. Never larger than the source; a source between the two keeps its own size at the top; one near 360 or below gets a single rendition.
/// </summary>
internal static class Ladder
{
    private const int First = 360;
    private const int Top = 720;

    /// <summary>Below this the second rendition would show hardly more than the first.</summary>
    private const int TopWorthwhile = 480;

    /// <summary>The longer side is bounded too, for panoramas: 16:9 of 4:1 still fits a common decoder level.</summary>
    private const int LongSideMax = 2560;

    public static IReadOnlyList<Rung> For(int width, int height)
    {
        var top = Math.Min(Math.Min(width, height), Top);
        var first = Make(width, height, Math.Min(top, First));
        if (top < TopWorthwhile) return [first];
        var second = Make(width, height, top);
        return second.Width > first.Width ? [first, second] : [first];
    }

    private static Rung Make(int width, int height, int shorterSide)
    {
        var scale = Math.Min((double)shorterSide / Math.Min(width, height), (double)LongSideMax / Math.Max(width, height));
        var (even1, even2) = (Even(width * scale), Even(height * scale));
        return shorterSide <= First
            ? new Rung($"{shorterSide}p", even1, even2, Quality: 23, BitrateMax: 1_200_000, AudioBitrate: 96_000)
            : new Rung($"{shorterSide}p", even1, even2, Quality: 21, BitrateMax: 4_500_000, AudioBitrate: 128_000);
    }

    /// <summary>4:2:0 wants even sides; rounding down never scales up.</summary>
    private static int Even(double side) => Math.Max(2, (int)(side + 0.01) & ~1);
}
