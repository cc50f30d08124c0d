using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Header fields that a route sets, adds or removes. Framing and hop-by-hop fields cannot be named.</summary>
internal sealed class FieldTransforms
{
    public static readonly FieldTransforms None = new([], [], []);

    private readonly (byte[] Name, ValueTemplate Value)[] _written;
    private readonly byte[][] _replaced;

    public FieldTransforms(IEnumerable<KeyValuePair<string, string>> set, IEnumerable<KeyValuePair<string, string>> add, IEnumerable<string> remove)
    {
        var setList = set.ToList();
        _written = [.. setList.Concat(add).Select(p => (Encoding.ASCII.GetBytes(p.Key), new ValueTemplate(p.Value)))];
        _replaced = [.. setList.Select(p => p.Key).Concat(remove).Select(Encoding.ASCII.GetBytes)];
    }

    public bool IsEmpty => _written.Length == 0 && _replaced.Length == 0;

    /// <summary>Whether a field of that name is taken out, to be replaced or not.</summary>
    public bool Removes(ReadOnlySpan<byte> name)
    {
        foreach (var replaced in _replaced)
        {
            if (replaced.Length == name.Length && Ascii.EqualsIgnoreCase(replaced, name)) return true;
        }
        return false;
    }

    public void Write(ref HeadWriter writer, EdgeVerdict verdict)
    {
        foreach (var (name, value) in _written)
        {
            writer.Write(name);
            writer.Write(": "u8);
            value.Write(ref writer, verdict);
            writer.Write("\r\n"u8);
        }
    }

    /// <summary>A name that may be set or removed.</summary>
    public static bool IsAllowedName(string name)
    {
        if (name.Length is 0 or > 128 || name.Any(c => c >= 128)) return false;
        var bytes = Encoding.ASCII.GetBytes(name);
        var known = KnownFields.Find(bytes);
        return HttpBytes.IsToken(bytes) && !KnownFields.IsHopByHop(known) && known is not (KnownField.Host or KnownField.ContentLength or KnownField.Expect);
    }
}

/// <summary>A value with the variables <c>{client_ip}</c>, <c>{request_id}</c>, <c>{user}</c>, <c>{route}</c>.</summary>
internal sealed class ValueTemplate
{
    private static readonly string[] Variables = ["{client_ip}", "{request_id}", "{user}", "{route}"];
    private readonly (byte[]? Literal, int Variable)[] _parts;

    public ValueTemplate(string text)
    {
        var parts = new List<(byte[]?, int)>();
        while (text.Length > 0)
        {
            var (at, variable) = (text.Length, -1);
            for (var i = 0; i < Variables.Length; i++)
            {
                var found = text.IndexOf(Variables[i], StringComparison.Ordinal);
                if (found >= 0 && found < at) (at, variable) = (found, i);
            }
            if (at > 0) parts.Add((Encoding.Latin1.GetBytes(text[..at]), 0));
            if (variable >= 0) parts.Add((null, variable));
            text = text[(variable < 0 ? at : at + Variables[variable].Length)..];
        }
        _parts = [.. parts];
    }

    /// <summary>A value that a header can hold.</summary>
    public static bool IsAllowed(string text) => text.All(c => c is '\t' or (>= ' ' and not (char)127 and < (char)256));

    public void Write(ref HeadWriter writer, EdgeVerdict verdict)
    {
        Span<byte> text = stackalloc byte[64];
        foreach (var (literal, variable) in _parts)
        {
            if (literal is not null)
            {
                writer.Write(literal);
                continue;
            }
            switch (variable)
            {
                case 0:
                    writer.Write(text[..verdict.Client.Format(text)]);
                    break;
                case 1:
                    verdict.Trace.FormatTraceId(text);
                    writer.Write(text[..TraceContext.TraceIdBytes]);
                    break;
                case 2:
                    writer.Write(verdict.User);
                    break;
                default:
                    writer.Write(verdict.Route is null ? default : verdict.Route.NameBytes);
                    break;
            }
        }
    }
}

/// <summary>Query parameters that a route sets or removes; the others stay as they were sent, in their order.</summary>
internal sealed class QueryTransforms(IEnumerable<KeyValuePair<string, string>> set, IEnumerable<string> remove)
{
    public static readonly QueryTransforms None = new([], []);

    private readonly byte[][] _set = [.. set.Select(p => Encoding.ASCII.GetBytes($"{p.Key}={p.Value}"))];
    private readonly byte[][] _removed = [.. set.Select(p => p.Key).Concat(remove).Select(Encoding.ASCII.GetBytes)];

    public bool IsEmpty => _removed.Length == 0;

    public void Write(ref HeadWriter writer, ReadOnlySpan<byte> query)
    {
        var separator = (byte)'?';
        while (query.Length > 0)
        {
            var end = query.IndexOf((byte)'&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            if (IsRemoved(pair)) continue;
            writer.Write(separator);
            writer.Write(pair);
            separator = (byte)'&';
        }
        foreach (var pair in _set)
        {
            writer.Write(separator);
            writer.Write(pair);
            separator = (byte)'&';
        }
    }

    private bool IsRemoved(ReadOnlySpan<byte> pair)
    {
        var equals = pair.IndexOf((byte)'=');
        var name = equals < 0 ? pair : pair[..equals];
        foreach (var removed in _removed)
        {
            if (name.SequenceEqual(removed)) return true;
        }
        return false;
    }
}
