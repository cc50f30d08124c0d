using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// A path in configuration: <c>/works/{id}/likes</c>, or with a tail <c>/media/*</c>, which is everything below and the path itself. A parameter
/// is one segment. Compared byte by byte with what was sent, without decoding.
/// </summary>
internal sealed record PathTemplate(string Text, IReadOnlyList<PathSegment> Segments, bool HasTail)
{
    public const int ParametersMax = 8;

    public static readonly PathTemplate Everything = new("/*", [], true);

    public int LiteralCount => Segments.Count(s => s.Literal is not null);

    public static PathTemplate? TryParse(string text)
    {
        if (text.Length == 0 || text[0] != '/') return null;
        var parts = text[1..].Split('/');
        var hasTail = parts[^1] == "*";
        var segments = new List<PathSegment>();
        foreach (var part in hasTail ? parts[..^1] : parts)
        {
            if (part.Length > 2 && part[0] == '{' && part[^1] == '}' && part[1..^1].All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
                segments.Add(new(part[1..^1], null));
            else if (part.All(c => c < 128 && (c == '%' || HttpBytes.Path.Contains((byte)c))) && !part.Contains('*', StringComparison.Ordinal))
                segments.Add(new(null, part));
            else return null;
        }
        var names = segments.Where(s => s.Parameter is not null).Select(s => s.Parameter).ToList();
        return names.Count > ParametersMax || names.Distinct(StringComparer.Ordinal).Count() != names.Count ? null : new(text, segments, hasTail);
    }
}

/// <summary>Either a parameter's name or a literal.</summary>
internal sealed record PathSegment(string? Parameter, string? Literal);

/// <summary>What a template's parameters and tail were in one path, as offsets.</summary>
internal struct PathCaptures
{
    private Spans _spans;

    public int TailStart { get; set; }

    public int TailLength { get; set; }

    public readonly (int Start, int Length) this[int parameter] => ((int)(_spans[parameter] >> 32), (int)(uint)_spans[parameter]);

    public void Set(int parameter, int start, int length) => _spans[parameter] = ((ulong)(uint)start << 32) | (uint)length;

    [System.Runtime.CompilerServices.InlineArray(PathTemplate.ParametersMax)]
    private struct Spans
    {
        private ulong _first;
    }
}

/// <summary>A path that is built from another: <c>/internal/{id}</c>, or <c>/v2/*</c> to keep the tail.</summary>
internal sealed class PathRewrite
{
    private readonly (byte[]? Literal, int Parameter)[] _parts;

    private PathRewrite((byte[]? Literal, int Parameter)[] parts) => _parts = parts;

    private const int Tail = -1;

    /// <summary>Null when it names a parameter, or a tail, that the template does not have.</summary>
    public static PathRewrite? TryParse(string text, PathTemplate template)
    {
        if (PathTemplate.TryParse(text) is not { } parsed || (parsed.HasTail && !template.HasTail)) return null;
        var names = template.Segments.Where(s => s.Parameter is not null).Select(s => s.Parameter!).ToList();
        var parts = new List<(byte[]?, int)>();
        foreach (var segment in parsed.Segments)
        {
            parts.Add(("/"u8.ToArray(), 0));
            if (segment.Literal is not null) parts.Add((Encoding.ASCII.GetBytes(segment.Literal), 0));
            else if (names.IndexOf(segment.Parameter!) is >= 0 and var index) parts.Add((null, index));
            else return null;
        }
        if (parsed.HasTail) parts.Add((null, Tail));
        return new([.. parts]);
    }

    public void Write(ref HeadWriter writer, ReadOnlySpan<byte> path, ref PathCaptures captures)
    {
        var before = writer.Length;
        foreach (var (literal, parameter) in _parts)
        {
            if (literal is not null)
            {
                writer.Write(literal);
                continue;
            }
            var (start, length) = parameter == Tail ? (captures.TailStart, captures.TailLength) : captures[parameter];
            writer.Write(path.Slice(start, length));
        }
        if (writer.Length == before) writer.Write((byte)'/');
    }
}
