using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Reads a request's body as strict JSON: 415 for another type, 413 past the limit, 400 for what is not JSON, 422 with JSON pointers for what breaks a rule.</summary>
internal static partial class BodyReader
{
    /// <summary>The raw bytes; refused when longer than <paramref name="bytesMax"/>, whether announced or only found out.</summary>
    public static async Task<Outcome<byte[]>> ReadBytesAsync(HttpRequest request, int bytesMax, CancellationToken cancellationToken)
    {
        var tooLarge = HttpProblems.TooLarge.Because($"The body may have {bytesMax} bytes.");
        if (request.ContentLength > bytesMax) return tooLarge;
        var buffer = new ArrayBufferWriter<byte>((int)(request.ContentLength ?? 1024) + 1);
        while (true)
        {
            var room = buffer.GetMemory(1024);
            var count = await request.Body.ReadAsync(room, cancellationToken);
            if (count == 0) return buffer.WrittenSpan.ToArray();
            buffer.Advance(count);
            if (buffer.WrittenCount > bytesMax) return tooLarge;
        }
    }

    public static Problem? CheckContentType(HttpRequest request, string expected) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals(expected, StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase))
            ? null
            : HttpProblems.UnsupportedMediaType.Because($"Send Content-Type: {expected}, in UTF-8.");

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

    /// <summary><c>$.tags[2].name</c> as <c>/tags/2/name</c> (RFC 6901).</summary>
    internal static string Pointer(string? path)
    {
        if (string.IsNullOrEmpty(path) || path == "$") return "";
        var pointer = new System.Text.StringBuilder();
        foreach (var step in PathStep().Matches(path).Select(match => match.Groups))
        {
            var name = step["quoted"].Success ? step["quoted"].Value : step["index"].Success ? step["index"].Value : step["plain"].Value;
            pointer.Append('/').Append(name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
        }
        return pointer.ToString();
    }

    [GeneratedRegex(@"\['(?<quoted>.*?)'\]|\[(?<index>\d+)\]|\.(?<plain>[^.\[]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex PathStep();

    [GeneratedRegex(@"'(?<name>[^']+)'", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex QuotedName();
}
