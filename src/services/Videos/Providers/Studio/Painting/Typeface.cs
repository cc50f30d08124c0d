using System.Buffers.Binary;
using System.Numerics;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// Outlines of a TrueType font (ISO/IEC 14496-22: head, maxp, hhea, hmtx, loca, glyf, cmap format 4), enough to set a title. The font is the
/// machine's own and trusted, but every offset is still checked by the span it is read from.
/// </summary>
internal sealed class Typeface
{
    private const int CompositeDepthMax = 5;

    private static readonly string[] Folders = ["/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu", "/usr/share/fonts/TTF", "/usr/local/share/fonts"];
    private static readonly Lazy<Typeface?> TitleFace = new(() => Load("DejaVuSans.ttf"));

    private readonly byte[] _font;
    private readonly Dictionary<string, int> _tables = [];
    private readonly bool _longOffsets;
    private readonly int _metricCount;
    private readonly int _glyphCount;

    private Typeface(byte[] font)
    {
        _font = font;
        var count = U16(4);
        for (var i = 0; i < count; i++) _tables[System.Text.Encoding.ASCII.GetString(font, 12 + (i * 16), 4)] = (int)U32(12 + (i * 16) + 8);
        UnitsPerEm = U16(_tables["head"] + 18);
        _longOffsets = U16(_tables["head"] + 50) == 1;
        _metricCount = U16(_tables["hhea"] + 34);
        _glyphCount = U16(_tables["maxp"] + 4);
    }

    /// <summary>The face that titles are set in; null where it is not installed, and clips then have no title.</summary>
    public static Typeface? ForTitles => TitleFace.Value;

    public int UnitsPerEm { get; }

    /// <summary>The glyph of a character; 0 when the font has none.</summary>
    public int GlyphOf(char character)
    {
        var cmap = _tables["cmap"];
        for (var i = 0; i < U16(cmap + 2); i++)
        {
            var table = cmap + (int)U32(cmap + 8 + (i * 8));
            if (U16(table) != 4) continue;
            var segments = U16(table + 6) / 2;
            for (var segment = 0; segment < segments; segment++)
            {
                if (U16(table + 14 + (segment * 2)) < character) continue;
                var start = U16(table + 16 + (segments * 2) + (segment * 2));
                if (start > character) return 0;
                var delta = U16(table + 16 + (segments * 4) + (segment * 2));
                var rangeAt = table + 16 + (segments * 6) + (segment * 2);
                var range = U16(rangeAt);
                if (range == 0) return (character + delta) & 0xFFFF;
                var glyph = U16(rangeAt + range + ((character - start) * 2));
                return glyph == 0 ? 0 : (glyph + delta) & 0xFFFF;
            }
        }

        return 0;
    }

    /// <summary>How far the pen goes on, in font units.</summary>
    public int AdvanceOf(int glyph) => U16(_tables["hmtx"] + (Math.Min(glyph, _metricCount - 1) * 4));

    /// <summary>The glyph's closed outlines as straight pieces, in font units, y up.</summary>
    public List<List<Vector2>> OutlineOf(int glyph)
    {
        var outlines = new List<List<Vector2>>();
        Collect(glyph, Matrix3x2.Identity, outlines, 0);
        return outlines;
    }

    private static Typeface? Load(string name)
    {
        var path = Folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return path is null ? null : new Typeface(File.ReadAllBytes(path));
    }

    private void Collect(int glyph, Matrix3x2 place, List<List<Vector2>> outlines, int depth)
    {
        if (glyph >= _glyphCount || depth > CompositeDepthMax) return;
        var loca = _tables["loca"];
        var (from, to) = _longOffsets
            ? ((int)U32(loca + (glyph * 4)), (int)U32(loca + (glyph * 4) + 4))
            : (U16(loca + (glyph * 2)) * 2, U16(loca + (glyph * 2) + 2) * 2);
        if (from == to) return;
        var at = _tables["glyf"] + from;
        var contours = I16(at);
        if (contours >= 0) Simple(at, contours, place, outlines);
        else Composite(at + 10, place, outlines, depth);
    }

    private void Composite(int at, Matrix3x2 place, List<List<Vector2>> outlines, int depth)
    {
        int flags;
        do
        {
            flags = U16(at);
            var part = U16(at + 2);
            at += 4;
            var words = (flags & 1) != 0;
            var (dx, dy) = words ? (I16(at), I16(at + 2)) : ((sbyte)_font[at], (sbyte)_font[at + 1]);
            at += words ? 4 : 2;
            var matrix = Matrix3x2.Identity;
            if ((flags & 0x08) != 0)
            {
                matrix.M11 = matrix.M22 = F2Dot14(at);
                at += 2;
            }
            else if ((flags & 0x40) != 0)
            {
                (matrix.M11, matrix.M22) = (F2Dot14(at), F2Dot14(at + 2));
                at += 4;
            }
            else if ((flags & 0x80) != 0)
            {
                (matrix.M11, matrix.M12, matrix.M21, matrix.M22) = (F2Dot14(at), F2Dot14(at + 2), F2Dot14(at + 4), F2Dot14(at + 6));
                at += 8;
            }

            (matrix.M31, matrix.M32) = (dx, dy);
            Collect(part, matrix * place, outlines, depth + 1);
        }
        while ((flags & 0x20) != 0);
    }

    private void Simple(int at, int contours, Matrix3x2 place, List<List<Vector2>> outlines)
    {
        var ends = at + 10;
        var points = U16(ends + ((contours - 1) * 2)) + 1;
        at = ends + (contours * 2);
        at += 2 + U16(at);
        var flags = new byte[points];
        for (var i = 0; i < points;)
        {
            var flag = _font[at++];
            var repeats = (flag & 8) != 0 ? _font[at++] : 0;
            for (var r = 0; r <= repeats && i < points; r++) flags[i++] = flag;
        }

        var (xs, ys) = (Coordinates(flags, ref at, 2, 16), Coordinates(flags, ref at, 4, 32));
        var start = 0;
        for (var contour = 0; contour < contours; contour++)
        {
            var end = U16(ends + (contour * 2));
            outlines.Add(Flatten(start, end, flags, xs, ys, place));
            start = end + 1;
        }
    }

    private int[] Coordinates(byte[] flags, ref int at, int shortBit, int sameBit)
    {
        var (values, value) = (new int[flags.Length], 0);
        for (var i = 0; i < flags.Length; i++)
        {
            var same = (flags[i] & sameBit) != 0;
            if ((flags[i] & shortBit) != 0) value += same ? _font[at++] : -_font[at++];
            else if (!same)
            {
                value += I16(at);
                at += 2;
            }

            values[i] = value;
        }

        return values;
    }

    /// <summary>Between two points off the curve lies one on it, half-way; curves become four straight pieces.</summary>
    private static List<Vector2> Flatten(int start, int end, byte[] flags, int[] xs, int[] ys, Matrix3x2 place)
    {
        var line = new List<Vector2>();
        var count = end - start + 1;
        if (count < 2) return line;
        Vector2 PointAt(int i) => Vector2.Transform(new Vector2(xs[start + (i % count)], ys[start + (i % count)]), place);
        bool IsOn(int i) => (flags[start + (i % count)] & 1) != 0;
        var from = IsOn(0) ? PointAt(0) : IsOn(count - 1) ? PointAt(count - 1) : (PointAt(0) + PointAt(count - 1)) / 2;
        line.Add(from);
        for (var i = IsOn(0) ? 1 : 0; i <= count; i++)
        {
            if (IsOn(i))
            {
                from = PointAt(i);
                line.Add(from);
                continue;
            }

            var (control, to) = (PointAt(i), IsOn(i + 1) ? PointAt(i + 1) : (PointAt(i) + PointAt(i + 1)) / 2);
            for (var step = 1; step <= 4; step++)
            {
                var t = step / 4f;
                line.Add(Vector2.Lerp(Vector2.Lerp(from, control, t), Vector2.Lerp(control, to, t), t));
            }

            from = to;
        }

        return line;
    }

    private int U16(int at) => BinaryPrimitives.ReadUInt16BigEndian(_font.AsSpan(at));

    private int I16(int at) => BinaryPrimitives.ReadInt16BigEndian(_font.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32BigEndian(_font.AsSpan(at));

    private float F2Dot14(int at) => I16(at) / 16384f;
}
