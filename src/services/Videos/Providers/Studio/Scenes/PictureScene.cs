using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>
/// A person's picture that comes alive: still at first, then the camera moves into it and its parts begin to drift. Given as light, in the
/// frame's size, so that the clip's first frame is the picture itself.
/// </summary>
internal sealed class PictureScene(Frame picture, int seed, float drift) : Scene
{
    private const float StillSeconds = 0.4f;

    [MethodImpl(Maths.Hot)]
    public override void Paint(Frame frame, Moment moment)
    {
        var time = MathF.Max(0, moment.Time - StillSeconds);
        var ease = time * time / (time + 0.8f);
        var (zoom, stir) = (1 / (1 + (0.045f * ease)), MathF.Min(0.02f, 0.008f * ease) * frame.Unit);
        var (centerX, centerY) = (frame.Width * (0.5f + (0.02f * drift * ease)), frame.Height * 0.48f);
        var unit = 2.6f / frame.Unit;
        var (swayX, swayY) = (frame.Scratch(5, frame.Stride + 16), frame.Scratch(6, frame.Stride + 16));
        for (var y = 0; y < frame.Height; y++)
        {
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var u = (Maths.Lanes + new Vector<float>(x)) * unit;
                var v = new Vector<float>(y * unit);
                Maths.Store(Noise.At(u + new Vector<float>(time * 0.4f), v, seed) * stir, swayX, x);
                Maths.Store(Noise.At(u, v - new Vector<float>(time * 0.35f), seed + 1) * stir, swayY, x);
            }

            for (var x = 0; x < frame.Width; x++)
            {
                var light = Sample(centerX + ((x - centerX) * zoom) + swayX[x], centerY + ((y - centerY) * zoom) + swayY[x]);
                var at = (y * frame.Stride) + x;
                (frame.R[at], frame.G[at], frame.B[at]) = (light.X, light.Y, light.Z);
            }
        }
    }

    private Vector3 Sample(float x, float y)
    {
        x = Math.Clamp(x, 0, picture.Width - 1.001f);
        y = Math.Clamp(y, 0, picture.Height - 1.001f);
        var (column, row) = ((int)x, (int)y);
        var (fx, fy) = (x - column, y - row);
        var at = (row * picture.Stride) + column;
        var below = Math.Min(row + 1, picture.Height - 1) * picture.Stride + column;
        return Vector3.Lerp(Vector3.Lerp(Get(at), Get(at + 1), fx), Vector3.Lerp(Get(below), Get(below + 1), fx), fy);
    }

    private Vector3 Get(int at) => new(picture.R[at], picture.G[at], picture.B[at]);
}
