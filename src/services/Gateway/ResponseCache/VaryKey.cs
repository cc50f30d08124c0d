using System.Text;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// What a stored response depends on beside its address (RFC 9111 section 4.1): the fields that its <c>Vary</c> names, with the values that they had in the request.
/// Values are compared in a normal form, so that what means the same finds the same.
/// </summary>
internal sealed class VaryKey
{
    public const int FieldsMax = 8;

    /// <summary>A longer value is not stored for, and finds nothing.</summary>
    public const int ValueBytesMax = 1024;

    public static readonly VaryKey Nothing = new([], []);

    /// <summary>What the gateway itself writes: a client's value says nothing about what the upstream saw.</summary>
    private static readonly KnownFieldSet Unusable = KnownFieldSet.Of(KnownField.XForwardedFor, KnownField.XRealIp, KnownField.Forwarded, KnownField.XForwardedPort,
        KnownField.XRequestId, KnownField.Traceparent, KnownField.Range);

    private readonly byte[][] _names;
    private readonly byte[][] _values;

    private VaryKey(byte[][] names, byte[][] values) => (_names, _values) = (names, values);

    public int Bytes => _names.Sum(n => n.Length) + _values.Sum(v => v.Length);

    /// <summary>Null when the response is for its own request only.</summary>
    public static VaryKey? Of(ResponseHead response, RequestHead request, EdgeVerdict verdict)
    {
        if (!response.Has(KnownField.Vary)) return Nothing;
        var (names, values) = (new List<byte[]>(), new List<byte[]>());
        Span<byte> text = stackalloc byte[ValueBytesMax];
        for (var i = response.IndexOf(KnownField.Vary); i < response.FieldCount; i++)
        {
            if (response.Fields[i].Known != KnownField.Vary) continue;
            var value = response.ValueAt(i);
            foreach (var range in value.Split((byte)','))
            {
                var name = HttpBytes.Trim(value[range]);
                if (name.Length == 0) continue;
                // Not a token includes "*".
                if (!HttpBytes.IsToken(name) || name.SequenceEqual("*"u8) || names.Count == FieldsMax || !IsUsable(name, verdict)) return null;
                if (!TryNormalize(name, request, verdict, text, out var length)) return null;
                names.Add(name.ToArray());
                values.Add(text[..length].ToArray());
            }
        }
        return names.Count == 0 ? Nothing : new VaryKey([.. names], [.. values]);
    }

    public bool Matches(RequestHead request, EdgeVerdict verdict)
    {
        if (_names.Length == 0) return true;
        Span<byte> text = stackalloc byte[ValueBytesMax];
        for (var i = 0; i < _names.Length; i++)
        {
            if (!TryNormalize(_names[i], request, verdict, text, out var length) || !text[..length].SequenceEqual(_values[i])) return false;
        }
        return true;
    }

    public bool Equals(VaryKey other)
    {
        if (_names.Length != other._names.Length) return false;
        for (var i = 0; i < _names.Length; i++)
        {
            if (!Same(_names[i], other._names[i]) || !_values[i].AsSpan().SequenceEqual(other._values[i])) return false;
        }
        return true;
    }

    public override bool Equals(object? obj) => obj is VaryKey other && Equals(other);

    public override int GetHashCode() => _names.Length;

    private static bool IsUsable(ReadOnlySpan<byte> name, EdgeVerdict verdict)
    {
        if (Unusable.Contains(KnownFields.Find(name))) return false;
        var transforms = verdict.Route!.Config.RequestHeaders;
        return transforms.IsEmpty || !transforms.Removes(name);
    }

    private static bool TryNormalize(ReadOnlySpan<byte> name, RequestHead request, EdgeVerdict verdict, Span<byte> text, out int length)
    {
        length = 0;
        if (Same(name, verdict.Snapshot!.IdentityHeader))
        {
            length = verdict.User.Length;
            return verdict.User.TryCopyTo(text);
        }
        var known = KnownFields.Find(name);
        if (known == KnownField.AcceptEncoding) return AcceptEncoding.Of(request).TryFormat(text, out length);
        if (known == KnownField.Host) return request.Authority.TryCopyTo(text) && (length = request.Authority.Length) >= 0;
        var isCaseless = Same(name, "Accept"u8) || Same(name, "Accept-Language"u8) || Same(name, "Accept-Charset"u8);
        for (var i = 0; i < request.FieldCount; i++)
        {
            if (request.Fields[i].Known != known || !Same(request.NameAt(i), name)) continue;
            if (!TryAppend(request.ValueAt(i), isCaseless, text, ref length)) return false;
        }
        return true;
    }

    /// <summary>Lines are joined by commas; blanks around commas go, others become one.</summary>
    private static bool TryAppend(ReadOnlySpan<byte> value, bool isCaseless, Span<byte> text, ref int length)
    {
        if (length + value.Length + 1 > text.Length) return false;
        if (length > 0) text[length++] = (byte)',';
        var blank = false;
        foreach (var letter in value)
        {
            if (HttpBytes.IsBlank(letter))
            {
                blank = length > 0 && text[length - 1] != ',';
                continue;
            }
            if (blank && letter != ',') text[length++] = (byte)' ';
            blank = false;
            text[length++] = isCaseless && letter is >= (byte)'A' and <= (byte)'Z' ? (byte)(letter | 0x20) : letter;
        }
        return true;
    }

    private static bool Same(ReadOnlySpan<byte> name, ReadOnlySpan<byte> other) => name.Length == other.Length && Ascii.EqualsIgnoreCase(name, other);
}
