using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// A plane of a small frame, smoothly stretched to the size of a large one, row by row. Each small row is made wide once and serves all the rows
/// between it and the next; what is left per pixel is one step between two wide rows, many pixels at a time. The last two wide rows are kept, so rows are
/// best asked for in their order. Belongs to the large frame, as its scratch does.
/// </summary>
internal sealed class StretchedPlane
{
    private const int Margin = 16; // whole vectors are written

    private readonly int _smallHeight;
    private readonly int _smallStride;
    private readonly float _scaleY;
    private readonly int _factor;
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
        _factor = small.Width * (whole.Width / small.Width) == whole.Width ? whole.Width / small.Width : 0;
        var scaleX = (float)small.Width / whole.Width;
        for (var x = 0; x < whole.Width; x++)
        {
            var source = Math.Clamp(((x + 0.5f) * scaleX) - 0.5f, 0, small.Width - 1.001f);
            _columns[x] = (int)source;
            _shares[x] = source - _columns[x];
        }

        (_above, _below) = (new float[whole.Stride + Margin], new float[whole.Stride + Margin]);
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

    private void Widen(int number, float[] wide)
    {
        var row = _plane.AsSpan(number * _smallStride, _smallStride + 1);
        switch (_factor)
        {
            case 2: Double(row, wide); break;
            case 4 or 8: Multiply(row, wide, _factor); break;
            default: Blend(row, wide); break;
        }

        if (_factor is not (2 or 4 or 8)) return;
        // Beyond the middles of the first and last small pixel lies nothing to blend with.
        wide.AsSpan(0, _factor / 2).Fill(row[0]);
        wide.AsSpan(_columns.Length - (_factor / 2), _factor / 2).Fill(row[(_columns.Length / _factor) - 1]);
    }

    /// <summary>From the middle of each small pixel to the next it is two pixels, a quarter and three quarters on the way; two small pixels at a time.</summary>
    [MethodImpl(Maths.Hot)]
    private void Double(ReadOnlySpan<float> row, Span<float> wide)
    {
        var shares = Vector128.Create(0.25f, 0.75f, 0.25f, 0.75f);
        var last = (_columns.Length / 2) - 1;
        for (var column = 0; column < last; column += 2)
        {
            var three = Vector128.Create(row[column], row[column + 1], row[Math.Min(column + 2, last)], 0);
            var here = Vector128.Shuffle(three, Vector128.Create(0, 0, 1, 1));
            var next = Vector128.Shuffle(three, Vector128.Create(1, 1, 2, 2));
            (here + ((next - here) * shares)).CopyTo(wide[((2 * column) + 1)..]);
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Multiply(ReadOnlySpan<float> row, Span<float> wide, int factor)
    {
        var share = 1f / factor;
        var first = Vector128.Create(0.5f, 1.5f, 2.5f, 3.5f) * share;
        for (var column = 0; column < (_columns.Length / factor) - 1; column++)
        {
            var here = Vector128.Create(row[column]);
            var rise = Vector128.Create(row[column + 1]) - here;
            var at = (column * factor) + (factor / 2);
            (here + (rise * first)).CopyTo(wide[at..]);
            if (factor == 8) (here + (rise * (first + Vector128.Create(0.5f)))).CopyTo(wide[(at + 4)..]);
        }
    }

    /// <summary>Any size from any other.</summary>
    [MethodImpl(Maths.Hot)]
    private void Blend(ReadOnlySpan<float> row, Span<float> wide)
    {
        for (var x = 0; x < _columns.Length; x++)
        {
            var column = _columns[x];
            wide[x] = row[column] + ((row[column + 1] - row[column]) * _shares[x]);
        }
    }
}

/// <summary>One row of a <see cref="StretchedPlane"/>.</summary>
internal readonly struct StretchedRow(float[] above, float[] below, float share)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> At(int x) => Maths.Lerp(Maths.Load(above, x), Maths.Load(below, x), new Vector<float>(share));
}
