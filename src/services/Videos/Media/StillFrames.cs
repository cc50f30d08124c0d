namespace SkyRiff.Videos.Media;

/// <summary>Chooses the frame that stands for a clip. Pure: given small grey pictures, it answers which.</summary>
internal static class StillFrames
{
    public const int Width = 64;
    public const int Height = 36;
    public const int Bytes = Width * Height;

    private const double DarkMean = 18; // of 255: a fade-in, a black first frame
    private const double BrightMean = 238;

    /// <summary>The index of the best of <paramref name="frames"/>, one after the other, <see cref="Bytes"/> each; 0 when there are none.</summary>
    public static int Best(ReadOnlySpan<byte> frames)
    {
        var (best, bestScore) = (0, double.MinValue);
        var count = frames.Length / Bytes;
        for (var index = 0; index < count; index++)
        {
            var score = Score(frames.Slice(index * Bytes, Bytes)) * PlaceWeight(index, count);
            if (score > bestScore) (best, bestScore) = (index, score);
        }

        return best;
    }

    /// <summary>Contrast and detail make a good still; nearly black and nearly white ones are worth a tenth.</summary>
    private static double Score(ReadOnlySpan<byte> frame)
    {
        double sum = 0, squares = 0, edges = 0;
        for (var at = 0; at < frame.Length; at++)
        {
            double value = frame[at];
            sum += value;
            squares += value * value;
            if (at % Width != 0) edges += Math.Abs(value - frame[at - 1]);
        }

        var mean = sum / frame.Length;
        var deviation = Math.Sqrt(Math.Max(0, (squares / frame.Length) - (mean * mean)));
        var score = 1 + deviation + (4 * edges / frame.Length);
        return mean is < DarkMean or > BrightMean ? score / 10 : score;
    }

    /// <summary>Of equals, one a little before the middle: past the opening, and no spoiler.</summary>
    private static double PlaceWeight(int index, int count)
    {
        var place = count > 1 ? (double)index / (count - 1) : 0.4;
        return 1 - (0.35 * Math.Abs(place - 0.4));
    }
}
