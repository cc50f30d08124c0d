using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Reads a request's body as strict JSON: 415 for another type, 413 past the limit, 400 for what is not JSON, 422 with JSON pointers for what breaks a rule.</summary>
internal static partial class BodyReader
{
    private const int BufferBytesFirst = 16 * 1024;

    /// <summary>Longer pointers are cut: they repeat what the client sent.</summary>
    private const int PointerLengthMax = 200;

    /// <summary>
    /// The raw bytes; refused when longer than <paramref name="bytesMax"/>, whether announced or only found out, and when there is no <paramref name="room"/> for a large one.
    /// </summary>
    public static async Task<Outcome<byte[]>> ReadBytesAsync(HttpRequest request, int bytesMax, BodyRoom? room, CancellationToken cancellationToken)
    {
        var tooLarge = HttpProblems.TooLarge.Because($"The body may have {bytesMax} bytes.");
        if (request.ContentLength > bytesMax) return tooLarge;
        if (request.ContentLength > ApiRoute.BodyBytesMaxDefault && room?.Take() is { } noRoom) return noRoom;
        // Room for what has come, not for what was announced: announcing costs a client nothing.
        var buffer = new ArrayBufferWriter<byte>((int)Math.Min(request.ContentLength ?? 1024, BufferBytesFirst) + 1);
        while (true)
        {
            var count = await request.Body.ReadAsync(buffer.GetMemory(1024), cancellationToken);
            if (count == 0) return buffer.WrittenSpan.ToArray();
            buffer.Advance(count);
            if (buffer.WrittenCount > bytesMax) return tooLarge;
            if (buffer.WrittenCount > ApiRoute.BodyBytesMaxDefault && room?.Take() is { } none) return none;
        }
    }

    public static Problem? CheckContentType(HttpRequest request, string expected)
    {
        if (request.Headers.ContentEncoding.Count > 0) return HttpProblems.UnsupportedMediaType.Because("Send the body as it is, without Content-Encoding.");
        return MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals(expected, StringComparison.OrdinalIgnoreCase) && IsUtf8(type.Charset)
            ? null
            : HttpProblems.UnsupportedMediaType.Because($"Send Content-Type: {expected}, in UTF-8.");
    }

    private static bool IsUtf8(StringSegment charset) =>
        !charset.HasValue || charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase);

    public static Outcome<T> Parse<T>(ReadOnlySpan<byte> body)
    {
        if (Malformed(body) is { } malformed) return malformed;
        try
        {
            return JsonSerializer.Deserialize<T>(body, ApiJson.Options) is { } value
                ? value
                : HttpProblems.Invalid.Because("The body is null.", [new FieldError("", "An object is needed.")]);
        }
        catch (JsonException broken)
        {
            var errors = Explain(broken);
            return HttpProblems.Invalid.Because("The body does not have the expected form; see errors.", errors);
        }
    }

    /// <summary>Syntax alone, so that "not JSON" (400) and "JSON that we do not take" (422) stay apart.</summary>
    private static Problem? Malformed(ReadOnlySpan<byte> body)
    {
        if (!Utf8.IsValid(body)) return HttpProblems.MalformedJson.Because("Not UTF-8, which JSON is written in (RFC 8259 section 8.1).");
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = ApiJson.DepthMax });
        try
        {
            while (reader.Read())
            {
            }
            return null;
        }
        catch (JsonException broken)
        {
            return HttpProblems.MalformedJson.Because(broken.LineNumber is { } line
                ? $"Not valid JSON at line {line + 1}, byte {broken.BytePositionInLine + 1} (nesting deeper than {ApiJson.DepthMax} is refused too)."
                : "Not valid JSON.");
        }
    }

    private static IReadOnlyList<FieldError> Explain(JsonException broken)
    {
        var message = broken.Message;
        if (message.Contains("missing required properties", StringComparison.Ordinal))
        {
            var at = Pointer(broken.Path);
            return [.. QuotedName().Matches(message[message.IndexOf("including", StringComparison.Ordinal)..]).Select(match => new FieldError($"{at}/{match.Groups["name"].Value}", "This member is needed."))];
        }
        if (message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal)) return [new FieldError(Pointer(broken.Path), "This member is not known here.")];
        if (message.Contains("Duplicate property", StringComparison.Ordinal)) return [new FieldError(Pointer(broken.Path), "This member is there twice.")];
        return [new FieldError(Pointer(broken.Path), "The value has the wrong type, form or range.")];
    }

    /// <summary>
    /// <c>$.tags[2].name</c> as <c>/tags/2/name</c> (RFC 6901). Names with other characters are written <c>['...']</c>, unescaped, and may themselves contain
    /// that; since only a name of the caller's own making can, the guess at its end need not be better than harmless. One pass, whatever the name.
    /// </summary>
    internal static string Pointer(string? path)
    {
        if (string.IsNullOrEmpty(path) || path == "$") return "";
        var pointer = new StringBuilder();
        var rest = path.AsSpan(1);
        while (!rest.IsEmpty && pointer.Length < PointerLengthMax)
        {
            var (start, end, next) = rest switch
            {
                ['[', '\'', ..] => rest.IndexOf("']", StringComparison.Ordinal) is > 1 and var close ? (2, close, close + 2) : (2, rest.Length, rest.Length),
                ['[', ..] => rest.IndexOf(']') is > 0 and var close ? (1, close, close + 1) : (1, rest.Length, rest.Length),
                ['.', ..] => rest[1..].IndexOfAny('.', '[') is >= 0 and var stop ? (1, stop + 1, stop + 1) : (1, rest.Length, rest.Length),
                _ => (0, rest.Length, rest.Length),
            };
            pointer.Append('/').Append(rest[start..end].ToString().Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
            rest = rest[next..];
        }
        return pointer.Length <= PointerLengthMax ? pointer.ToString() : pointer.ToString(0, PointerLengthMax);
    }

    [GeneratedRegex(@"'(?<name>[^']+)'", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex QuotedName();
}
