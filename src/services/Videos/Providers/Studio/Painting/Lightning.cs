using System.Numerics;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>Strokes of lightning at moments that follow from the seed, each a jagged line with branches, a flash and its flicker.</summary>
internal sealed class Lightning
{
    private const float Period = 2.1f; // about one stroke in this many seconds
    private const float Lasts = 0.42f;

    private readonly ulong _seed;

    public Lightning(ulong seed) => _seed = seed;

    /// <summary>When the strokes of a clip of this length fall; thunder follows them.</summary>
    public IEnumerable<float> StrokesUntil(float seconds)
    {
        for (var number = 0; (number * Period) + 0.2f < seconds; number++) yield return TimeOf(number);
    }

    /// <summary>Brightness of the flash, 0 to 1.</summary>
    public float FlashAt(float time)
    {
        var number = (int)(time / Period);
        var since = time - TimeOf(number);
        if (since is < 0 or > Lasts) return 0;
        // A stroke and its return: two peaks, the second weaker.
        return MathF.Exp(-since * 11) + (since > 0.13f ? 0.6f * MathF.Exp(-(since - 0.13f) * 13) : 0);
    }

    public void Paint(Frame frame, float time, float ground)
    {
        var flash = FlashAt(time);
        if (flash < 0.01f) return;
        var dice = DiceOf((int)(time / Period));
        _ = dice.Share();
        var x = frame.Width * dice.Between(0.2f, 0.8f);
        frame.Glow(x, ground * 0.15f, frame.Unit * 0.95f, new Vector3(0.62f, 0.7f, 1) * (0.85f * flash));
        frame.Glow(x, ground * 0.5f, frame.Unit * 0.4f, new Vector3(0.62f, 0.7f, 1) * (0.3f * flash));
        Branch(frame, x, 0, ground, dice, frame.Unit * 0.0042f, flash, 0);
    }

    private static void Branch(Frame frame, float x, float top, float bottom, Dice dice, float width, float flash, int depth)
    {
        var lean = dice.Between(-0.5f, 0.5f);
        var y = top;
        while (y < bottom)
        {
            var step = frame.Unit * dice.Between(0.012f, 0.032f);
            var next = x + (step * (lean + dice.Between(-1.1f, 1.1f)));
            Line(frame, x, y, next, MathF.Min(y + step, bottom), width, new Vector3(0.8f, 0.87f, 1) * (flash * (depth == 0 ? 5 : 2)));
            (x, y) = (next, y + step);
            if (depth < 2 && dice.Chance(0.11f)) Branch(frame, x, y, y + ((bottom - y) * dice.Between(0.2f, 0.5f)), dice, width * 0.55f, flash * 0.7f, depth + 1);
        }
    }

    private static void Line(Frame frame, float x0, float y0, float x1, float y1, float width, Vector3 light)
    {
        for (var y = Math.Max(0, (int)y0); y <= Math.Min(frame.Height - 1, (int)y1); y++)
        {
            var share = Maths.Clamp01((y - y0) / MathF.Max(1, y1 - y0));
            var center = Maths.Lerp(x0, x1, share);
            var half = (width / 2) + (MathF.Abs(x1 - x0) / MathF.Max(1, y1 - y0) * 0.5f);
            frame.Span(y, center - half, center + half, light, 0.9f);
        }
    }

    private float TimeOf(int number) => (number * Period) + (0.15f + (0.9f * DiceOf(number).Share()));

    private Dice DiceOf(int number) => new(_seed + 777 + ((ulong)number * 7919));
}
