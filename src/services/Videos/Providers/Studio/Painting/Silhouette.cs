using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>A row of shapes against the light, drawn once as coverage and then moved sideways by fractions of a pixel.</summary>
internal sealed class Silhouette
{
    private readonly int _width;
    private readonly int _height;
    private readonly int _margin;
    private readonly float[] _cover;
    private readonly int _top;

    private Silhouette(int width, int height)
    {
        _margin = width / 8;
        (_width, _height) = ((width + (2 * _margin) + 15) & ~15, height);
        _cover = new float[(_width * height) + 32];
        _top = 0;
    }

    /// <summary>Firs that stand on <paramref name="ground"/> (pixels from the top), about <paramref name="tall"/> pixels high.</summary>
    public static Silhouette Conifers(int width, int height, float ground, float tall, int count, Dice dice)
    {
        var row = new Silhouette(width, height);
        for (var i = 0; i < count; i++)
        {
            var x = ((i + dice.Between(-0.45f, 0.45f)) / (count - 1f)) * row._width;
            row.Conifer(x, ground + dice.Between(-0.03f, 0.06f) * tall, tall * dice.Between(0.55f, 1.1f), dice);
        }

        row.Earth(ground, dice.Pick(1 << 20), tall * 0.06f);
        return row;
    }

    /// <summary>Trunks that leave the picture at its top: what stands nearest in a wood.</summary>
    [MethodImpl(Maths.Hot)]
    public static Silhouette Trunks(int width, int height, float ground, float thick, int count, Dice dice)
    {
        var row = new Silhouette(width, height);
        for (var i = 0; i < count; i++)
        {
            var x = ((i + dice.Between(0.1f, 0.9f)) / count) * row._width;
            var (half, lean, seed) = (thick * dice.Between(0.3f, 0.65f), dice.Between(-0.05f, 0.05f), dice.Pick(1 << 20));
            for (var y = 0; y < height; y++)
            {
                var root = Maths.Smooth(ground - (thick * 3), ground + thick, y);
                var bark = Noise.At(y * 14f / height, 0.5f, seed) * half * 0.1f;
                var center = x + ((y - ground) * lean) + (Noise.At(y * 0.8f / height, 7.5f, seed) * thick * 0.5f);
                row.Span(y, center - half - bark - (root * half), center + half + bark + (root * half));
            }
        }

        row.Earth(ground, dice.Pick(1 << 20), thick * 0.7f);
        row.Undergrowth(ground, thick, (int)(row._width * 6 / thick), dice);
        return row;
    }

    /// <summary>Paints the row moved by <paramref name="shift"/> pixels, in a colour that goes from the picture's top to its bottom.</summary>
    [MethodImpl(Maths.Hot)]
    public void Paint(Frame frame, float shift, Vector3 high, Vector3 low)
    {
        var offset = Math.Clamp(_margin - shift, 0, (2 * _margin) - 2);
        var whole = (int)offset;
        var part = new Vector<float>(offset - whole);
        for (var y = _top; y < _height; y++)
        {
            var light = Light.Of(Vector3.Lerp(high, low, Maths.Smooth(_height * 0.2f, _height, y)));
            var from = (y * _width) + whole;
            for (var x = 0; x < frame.Width; x += Maths.LaneCount)
            {
                var cover = Maths.Lerp(Maths.Load(_cover, from + x), Maths.Load(_cover, from + x + 1), part);
                if (Vector.GreaterThanAny(cover, Vector<float>.Zero)) frame.Cover((y * frame.Stride) + x, light, cover);
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Conifer(float x, float ground, float tall, Dice dice)
    {
        var (tiers, lean) = (dice.Between(9, 15), dice.Between(-0.02f, 0.02f));
        var seed = dice.Pick(1 << 20);
        var offset = dice.Share();
        var tip = ground - tall;
        for (var y = Math.Max(0, (int)tip); y < Math.Min(_height, ground); y++)
        {
            var down = (y - tip) / tall;
            // Each tier of branches is widest at its lower edge and hangs a little.
            var tier = (down * tiers) + offset;
            tier -= MathF.Floor(tier);
            var wide = (0.001f + (down * 0.18f)) * (0.5f + (0.5f * tier));
            var (rough, rough2) = (Noise.At(y * 0.22f, 0.5f, seed), Noise.At(y * 0.22f, 9.5f, seed));
            var center = x + ((y - ground) * lean);
            var trunk = tall * 0.012f;
            var half = down > 0.93f ? trunk : MathF.Max(trunk * 0.5f, wide * tall);
            Span(y, center - (half * (1 + (rough * 0.35f))), center + (half * (1 + (rough2 * 0.35f))));
        }
    }

    /// <summary>Grass and ferns at the trunks' feet: blades that lean and end in a point.</summary>
    private void Undergrowth(float ground, float thick, int count, Dice dice)
    {
        for (var i = 0; i < count; i++)
        {
            var (x, tall, lean, wide) = (dice.Share() * _width, thick * dice.Between(0.25f, 0.95f) * dice.Share(), dice.Between(-0.6f, 0.6f), thick * dice.Between(0.012f, 0.035f));
            var root = ground + (thick * 0.25f);
            for (var y = 0; y < (int)(tall + (thick * 0.25f)); y++)
            {
                var up = y / (tall + (thick * 0.25f));
                var center = x + (lean * up * up * tall);
                Span((int)root - y, center - (wide * (1 - up)), center + (wide * (1 - up)));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Earth(float ground, int seed, float bumps)
    {
        for (var x = 0; x < _width; x++)
        {
            var top = ground - (Noise.Fbm(x * 0.006f, 0.5f, 4, seed) * bumps);
            for (var y = Math.Max(0, (int)top); y < _height; y++)
            {
                var at = (y * _width) + x;
                _cover[at] = MathF.Max(_cover[at], Maths.Clamp01(y + 1 - top));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Span(int y, float left, float right)
    {
        if (y < 0 || y >= _height) return;
        for (var x = Math.Max(0, (int)left); x <= Math.Min(_width - 1, (int)right); x++)
        {
            var share = MathF.Min(right, x + 1) - MathF.Max(left, x);
            var at = (y * _width) + x;
            _cover[at] = MathF.Max(_cover[at], Maths.Clamp01(share));
        }
    }
}
