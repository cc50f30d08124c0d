using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// A plane of a small frame, smoothly stretched to the size of a large one, row by row. Each small row is made wide once and serves all the rows
/// between it and the next; what is left per pixel is one step between two wide rows, many pixels at a time. The last two wide rows are kept, so rows are
/// best asked for in their order. Belongs to the large frame, as its scratch does.
/// </summary>
internal sealed class StretchedPlane
{
    private readonly int _smallHeight;
    private readonly int _smallStride;
    private readonly float _scaleY;
    private readonly int[] _columns;
    private readonly float[] _shares;
    private float[] _plane = [];
    private float[] _above;
    private float[] _below;
    private int _aboveNumber = -1;
    private int _belowNumber = -1;

    public StretchedPlane(Frame small, Frame whole)
    {
        (_smallHeight, _smallStride, _scaleY) = (small.Height, small.Stride, (float)small.Height / whole.Height);
        (_columns, _shares) = (new int[whole.Width], new float[whole.Width]);
        var scaleX = (float)small.Width / whole.Width;
        for (var x = 0; x < whole.Width; x++)
        {
            var source = Math.Clamp(((x + 0.5f) * scaleX) - 0.5f, 0, small.Width - 1.001f);
            _columns[x] = (int)source;
            _shares[x] = source - _columns[x];
        }

        (_above, _below) = (new float[whole.Stride], new float[whole.Stride]);
    }

    /// <summary>From now on the rows are of this plane, which stays as it is meanwhile.</summary>
    public void Show(float[] plane) => (_plane, _aboveNumber, _belowNumber) = (plane, -1, -1);

    /// <summary>The row at <paramref name="y"/> of the large frame; good until the next is asked for.</summary>
    public StretchedRow Row(int y)
    {
        var source = Math.Clamp(((y + 0.5f) * _scaleY) - 0.5f, 0, _smallHeight - 1);
        var above = Math.Min((int)source, Math.Max(0, _smallHeight - 2));
        var below = Math.Min(above + 1, _smallHeight - 1);
        if (above == _belowNumber)
        {
            (_above, _below) = (_below, _above);
            (_aboveNumber, _belowNumber) = (_belowNumber, _aboveNumber);
        }

        if (above != _aboveNumber) Widen(above, _above);
        if (below != _belowNumber) Widen(below, _below);
        (_aboveNumber, _belowNumber) = (above, below);
        return new StretchedRow(_above, _below, source - above);
    }

    [MethodImpl(Maths.Hot)]
    private void Widen(int number, float[] wide)
    {
        var row = _plane.AsSpan(number * _smallStride, _smallStride + 1);
        var columns = _columns.AsSpan();
        var shares = _shares.AsSpan(0, columns.Length);
        var to = wide.AsSpan(0, columns.Length);
        for (var x = 0; x < columns.Length; x++)
        {
            var column = columns[x];
            to[x] = row[column] + ((row[column + 1] - row[column]) * shares[x]);
        }
    }
}

/// <summary>One row of a <see cref="StretchedPlane"/>.</summary>
internal readonly struct StretchedRow(float[] above, float[] below, float share)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> At(int x) => Maths.Lerp(Maths.Load(above, x), Maths.Load(below, x), new Vector<float>(share));
}
