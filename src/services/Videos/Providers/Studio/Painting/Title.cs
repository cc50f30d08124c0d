using System.Numerics;
using System.Runtime.CompilerServices;

namespace SkyRiff.Videos.Providers.Studio.Painting;

/// <summary>
/// The words of the prompt in the lower left corner: one or two quiet lines over a soft shade, each letter appearing a moment after the one
/// before it, gone before the end. Set once as coverage, shown in any frame.
/// </summary>
internal sealed class Title
{
    private const float Appears = 0.55f; // seconds into the clip
    private const float Stays = 3.1f; // at most
    private const float LetterDelay = 0.022f;
    private const float LetterFade = 0.45f;
    private const int RowsPerPixel = 4; // for smooth edges

    private readonly List<Letter> _letters = [];
    private readonly float _bottom;
    private readonly float _top;
    private readonly float _gone;

    public Title(string text, int width, int height, float seconds)
    {
        _gone = Math.Min(seconds - 0.5f, Appears + Stays);
        var unit = Math.Min(width, height);
        var size = unit * 0.043f;
        var margin = unit * 0.065f;
        _bottom = height - margin;
        _top = _bottom;
        if (Typeface.ForTitles is not { } face || seconds < 2) return;

        var glyphs = text.Where(letter => letter == ' ' || face.GlyphOf(letter) != 0).ToArray();
        // A script the font lacks would leave a few stray letters: better no title than a wrong one.
        if (glyphs.Count(char.IsLetterOrDigit) < Math.Max(1, text.Count(char.IsLetterOrDigit) * 0.8)) return;
        var lines = Wrap(face, new string(glyphs), size, width - (2 * margin));
        var baseline = _bottom - ((lines.Count - 1) * size * 1.32f);
        _top = baseline - size;
        var order = 0;
        foreach (var line in lines)
        {
            var x = margin;
            foreach (var letter in line)
            {
                var glyph = face.GlyphOf(letter);
                if (letter != ' ') _letters.Add(Draw(face.OutlineOf(glyph), x, baseline, size / face.UnitsPerEm, order));
                x += AdvanceOf(face, letter, size);
                order++;
            }

            baseline += size * 1.32f;
        }
    }

    public void Paint(Frame frame, float time)
    {
        if (_letters.Count == 0 || time < Appears - 0.2f || time > _gone + 0.1f) return;
        var leaving = Maths.Smooth(_gone, _gone - 0.5f, time);
        Shade(frame, Maths.Smooth(Appears - 0.2f, Appears + 0.6f, time) * leaving);
        foreach (var letter in _letters)
        {
            var age = Maths.Smooth(0, LetterFade, time - Appears - (letter.Order * LetterDelay));
            if (age <= 0) continue;
            Blend(frame, letter, (1 - age) * frame.Unit * 0.012f, age * leaving);
        }
    }

    /// <summary>Darkens the corner a little, so that white letters stand on anything.</summary>
    [MethodImpl(Maths.Hot)]
    private void Shade(Frame frame, float strength)
    {
        var from = Math.Max(0, (int)(_top - (frame.Unit * 0.12f)));
        for (var y = from; y < frame.Height; y++)
        {
            var dark = new Vector<float>(1 - (0.58f * strength * Maths.Smooth(from, _bottom, y)));
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var at = (y * frame.Stride) + x;
                var left = Maths.Smooth(frame.Width * 0.95f, frame.Width * 0.2f, Maths.Lanes + new Vector<float>(x));
                frame.Set(at, frame.Get(at) * (Vector<float>.One - ((Vector<float>.One - dark) * left)));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private static void Blend(Frame frame, Letter letter, float drop, float strength)
    {
        var offset = (int)MathF.Round(drop);
        for (var y = 0; y < letter.Height; y++)
        {
            var row = letter.Y + y + offset;
            if (row < 0 || row >= frame.Height) continue;
            for (var x = 0; x < letter.Width; x++)
            {
                var cover = letter.Cover[(y * letter.Width) + x];
                var column = letter.X + x;
                if (cover > 0 && column >= 0 && column < frame.Width) frame.Cover((row * frame.Stride) + column, new Vector3(1.5f, 1.47f, 1.4f), cover * strength * 0.94f);
            }
        }
    }

    private static float AdvanceOf(Typeface face, char letter, float size) => (face.AdvanceOf(face.GlyphOf(letter)) * size / face.UnitsPerEm) + (size * 0.045f);

    /// <summary>At most two lines, broken between words, about equally long.</summary>
    private static List<string> Wrap(Typeface face, string text, float size, float widthMax)
    {
        float WidthOf(string line) => line.Sum(letter => AdvanceOf(face, letter, size));
        if (WidthOf(text) <= widthMax) return [text];
        var words = text.Split(' ');
        var first = "";
        foreach (var word in words)
        {
            var longer = first.Length == 0 ? word : $"{first} {word}";
            if (first.Length > 0 && WidthOf(longer) > Math.Min(widthMax, WidthOf(text) * 0.56f)) break;
            first = longer;
        }

        var second = text[Math.Min(first.Length, text.Length)..].Trim();
        return [Cut(first), Cut(second)];

        string Cut(string line)
        {
            while (line.Length > 1 && WidthOf(line) > widthMax) line = line[..^2].TrimEnd() + "\u2026";
            return line;
        }
    }

    /// <summary>Coverage of one glyph by the non-zero rule, four thin rows to a pixel, exact across.</summary>
    private static Letter Draw(List<List<Vector2>> outlines, float x, float baseline, float scale, int order)
    {
        var points = outlines.ConvertAll(outline => outline.ConvertAll(point => new Vector2(x + (point.X * scale), baseline - (point.Y * scale))));
        var all = points.SelectMany(line => line).DefaultIfEmpty(new Vector2(x, baseline)).ToList();
        var (left, top) = ((int)MathF.Floor(all.Min(p => p.X)), (int)MathF.Floor(all.Min(p => p.Y)));
        var (width, height) = ((int)MathF.Ceiling(all.Max(p => p.X)) - left + 1, (int)MathF.Ceiling(all.Max(p => p.Y)) - top + 1);
        var cover = new float[width * height];
        var crossings = new List<(float X, int Turn)>();
        for (var thin = 0; thin < height * RowsPerPixel; thin++)
        {
            var y = top + ((thin + 0.5f) / RowsPerPixel);
            crossings.Clear();
            foreach (var line in points)
            {
                for (var i = 0; i < line.Count; i++)
                {
                    var (a, b) = (line[i], line[(i + 1) % line.Count]);
                    if (a.Y <= y != b.Y <= y) crossings.Add((a.X + ((y - a.Y) / (b.Y - a.Y) * (b.X - a.X)), a.Y < b.Y ? 1 : -1));
                }
            }

            crossings.Sort((one, other) => one.X.CompareTo(other.X));
            Fill(cover.AsSpan(thin / RowsPerPixel * width, width), crossings, left);
        }

        return new Letter(left, top, width, height, cover, order);
    }

    private static void Fill(Span<float> row, List<(float X, int Turn)> crossings, int left)
    {
        var winding = 0;
        for (var i = 0; i + 1 < crossings.Count; i++)
        {
            winding += crossings[i].Turn;
            if (winding == 0) continue;
            var (from, to) = (crossings[i].X - left, crossings[i + 1].X - left);
            for (var x = Math.Max(0, (int)from); x <= Math.Min(row.Length - 1, (int)to); x++)
                row[x] = Math.Min(1, row[x] + (Math.Max(0, Math.Min(to, x + 1) - Math.Max(from, x)) / RowsPerPixel));
        }
    }

    private sealed record Letter(int X, int Y, int Width, int Height, float[] Cover, int Order);
}
