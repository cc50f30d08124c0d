using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Http;

/// <summary>
/// The API's JSON: camelCase, strict on the way in (unknown and repeated members, missing members, wrong types and null where a value is
/// owed are refused), ids as strings, enums as camelCase words, times as RFC 3339 in UTC.
/// </summary>
public static class ApiJson
{
    /// <summary>Nesting deeper than this is refused; no request of ours needs more than four.</summary>
    public const int DepthMax = 16;

    public static JsonSerializerOptions Options { get; } = Make();

    public static byte[] Bytes<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    /// <summary>The same as text, for events and <c>jsonb</c>.</summary>
    public static string Text<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>A reply to be stored with its effect and sent, now and on every repetition.</summary>
    public static StoredReply Reply<T>(int status, T value) => new(status, Bytes(value));

    private static JsonSerializerOptions Make()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DictionaryKeyPolicy = JsonNamingPolicy.CamelCase,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            NumberHandling = JsonNumberHandling.Strict,
            MaxDepth = DepthMax,
            // Replies are never put into HTML by the server; the web app renders text as text.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new TypedIdJson(), new UtcTimeJson(), new CleanTextJson(), new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    /// <summary>RFC 3339 with milliseconds and <c>Z</c>.</summary>
    private sealed class UtcTimeJson : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time) ? time.ToUniversalTime() : throw new JsonException("A time is an RFC 3339 string.");

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
        {
            Span<char> text = stackalloc char[24];
            value.UtcDateTime.TryFormat(text, out var length, "yyyy-MM-ddTHH:mm:ss.fffZ");
            writer.WriteStringValue(text[..length]);
        }
    }

    /// <summary>Text without NUL, which the database cannot hold and nobody means.</summary>
    private sealed class CleanTextJson : JsonConverter<string>
    {
        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String) throw new JsonException("A string is needed.");
            var text = reader.GetString()!;
            return text.Contains('\0') ? throw new JsonException("Text may not contain NUL.") : text;
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
