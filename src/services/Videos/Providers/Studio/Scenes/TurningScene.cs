using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>One scene that becomes another: a glowing front of noise passes over the picture, and behind it lies the second.</summary>
internal sealed class TurningScene(Scene before, Scene after, Palette palette, int seed, float from, float to) : Scene
{
    private const float Softness = 0.05f;

    public override void Paint(Frame frame, Moment moment)
    {
        if (moment.Share <= from) before.Paint(frame, moment);
        else if (moment.Share >= to) after.Paint(frame, moment);
        else PaintBoth(frame, moment);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintBoth(Frame frame, Moment moment)
    {
        var other = frame.Smaller(1);
        before.Paint(other, moment);
        after.Paint(frame, moment);
        var passed = Maths.Lerp(-Softness, 1 + Softness, Maths.Smooth(from, to, moment.Share));
        var unit = 1 / frame.Unit;
        var glow = Light.Of((palette.Sun * 0.25f) + (palette.Accent * 0.8f));
        for (var y = 0; y < frame.Height; y++)
        {
            var v = new Vector<float>(y * unit * 2.2f);
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var u = (Maths.Lanes + new Vector<float>(x)) * (unit * 2.2f);
                var order = Maths.Clamp01((Noise.Fbm(u, v, 5, seed) * 0.5f) + new Vector<float>(0.5f));
                var gone = Maths.Smooth(-Softness, Softness, new Vector<float>(passed) - order);
                var front = gone * (Vector<float>.One - gone) * 4;
                var at = (y * frame.Stride) + x;
                frame.Set(at, Light.Mix(other.Get(at), frame.Get(at), gone) + (glow * (front * front * 0.5f)));
            }
        }
    }
}
