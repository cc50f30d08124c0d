using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>Which bytes of a stored body answer a request.</summary>
internal readonly record struct BodyRange(int Status, int Offset, int Length);

/// <summary>The conditions of a request (RFC 9110 section 13), evaluated against a response that is there.</summary>
internal static class Conditions
{
    /// <summary>Conditions of methods that change something: what a cache does with them is to stay out of the way.</summary>
    public static bool IsForChanges(RequestHead request) => request.TryGet("If-Match"u8, out _) || request.TryGet("If-Unmodified-Since"u8, out _);

    /// <summary>Taken out of a request whose response is to be stored: the gateway evaluates them itself.</summary>
    public static bool IsCondition(ReadOnlySpan<byte> name) =>
        name.Length is 13 or 17 && (Ascii.EqualsIgnoreCase(name, "If-None-Match"u8) || Ascii.EqualsIgnoreCase(name, "If-Modified-Since"u8));

    /// <summary>Whether the client already has this response. <c>If-Modified-Since</c> counts only without <c>If-None-Match</c>.</summary>
    public static bool IsNotModified(RequestHead request, ResponseHead response)
    {
        if (request.TryGet("If-None-Match"u8, out _)) return response.Has(KnownField.ETag) && AnyTagMatches(request, response.Value(KnownField.ETag));
        return request.TryGet("If-Modified-Since"u8, out var since)
            && HttpDate.TryParse(since, out var sinceSeconds)
            && HttpDate.TryParse(response.Value(KnownField.LastModified), out var modified)
            && modified <= sinceSeconds;
    }

    /// <summary>Weak comparison: the opaque parts are the same.</summary>
    public static bool SameWeakly(ReadOnlySpan<byte> tag, ReadOnlySpan<byte> other) => Opaque(tag).SequenceEqual(Opaque(other));

    public static bool IsWeak(ReadOnlySpan<byte> tag) => tag.StartsWith("W/"u8);

    /// <summary>
    /// The one range that is asked for of a whole body. Several ranges, other units and an <c>If-Range</c> that does not hold mean the whole (RFC 9110 section 14.2).
    /// </summary>
    public static BodyRange RangeOf(RequestHead request, ResponseHead response, int bodyLength)
    {
        var whole = new BodyRange(response.Status, 0, bodyLength);
        var range = request.Value(KnownField.Range);
        if (range.Length == 0 || response.Status != 200 || request.Method != MethodKind.Get) return whole;
        if (range.Length < 7 || !Ascii.EqualsIgnoreCase(range[..6], "bytes="u8) || range.Contains((byte)',') || FieldParser.CountOf(request, KnownField.Range) > 1) return whole;
        if (request.TryGet("If-Range"u8, out var validator) && !HoldsForRange(validator, response)) return whole;
        var text = HttpBytes.Trim(range[6..]);
        var dash = text.IndexOf((byte)'-');
        if (dash < 0) return whole;
        var first = text[..dash];
        var last = text[(dash + 1)..];
        long from;
        long to = bodyLength - 1;
        if (first.Length == 0)
        {
            if (!HttpBytes.TryParseDecimal(last, out var suffix)) return whole;
            if (suffix == 0) return new(416, 0, 0);
            from = Math.Max(0, bodyLength - suffix);
        }
        else
        {
            if (!HttpBytes.TryParseDecimal(first, out from)) return whole;
            if (last.Length > 0 && (!HttpBytes.TryParseDecimal(last, out to) || to < from)) return whole;
        }
        to = Math.Min(to, bodyLength - 1);
        return from >= bodyLength ? new(416, 0, 0) : new(206, (int)from, (int)(to - from + 1));
    }

    private static bool HoldsForRange(ReadOnlySpan<byte> validator, ResponseHead response)
    {
        if (validator.Length > 0 && validator[0] == '"') return validator.SequenceEqual(response.Value(KnownField.ETag));
        // A date is strong only when the response was not sent in the second in which it changed (RFC 9110 section 8.8.2.2): a minute is asked for.
        return !IsWeak(validator) && validator.SequenceEqual(response.Value(KnownField.LastModified)) && HttpDate.TryParse(validator, out var modified)
            && HttpDate.TryParse(response.Value(KnownField.Date), out var date) && date - modified >= 60;
    }

    private static bool AnyTagMatches(RequestHead request, ReadOnlySpan<byte> tag)
    {
        for (var i = 0; i < request.FieldCount; i++)
        {
            if (request.NameAt(i) is not { Length: 13 } name || !Ascii.EqualsIgnoreCase(name, "If-None-Match"u8)) continue;
            var rest = request.ValueAt(i);
            if (rest.SequenceEqual("*"u8)) return true;
            while (TryTakeTag(ref rest, out var candidate))
            {
                if (SameWeakly(candidate, tag)) return true;
            }
        }
        return false;
    }

    /// <summary>The next <c>[W/]"..."</c> of a list; commas may stand inside of a tag.</summary>
    private static bool TryTakeTag(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> tag)
    {
        tag = default;
        rest = rest.TrimStart(", \t"u8);
        var quote = IsWeak(rest) ? 2 : 0;
        if (rest.Length <= quote || rest[quote] != '"') return false;
        var end = rest[(quote + 1)..].IndexOf((byte)'"');
        if (end < 0) return false;
        tag = rest[..(quote + end + 2)];
        rest = rest[tag.Length..];
        return true;
    }

    private static ReadOnlySpan<byte> Opaque(ReadOnlySpan<byte> tag) => IsWeak(tag) ? tag[2..] : tag;
}
