using System.Text.Json;
using System.Text.Json.Serialization;

namespace SkyRiff.Kernel.Ids;

/// <summary>An id of one kind of thing, so that a work's id cannot be passed where a user's is meant. JSON shows it as a string.</summary>
/// <example><code>public readonly record struct WorkId(long Value) : ITypedId&lt;WorkId&gt; { public static WorkId Of(long value) => new(value); }</code></example>
public interface ITypedId<TSelf>
    where TSelf : struct, ITypedId<TSelf>
{
    long Value { get; }

    static abstract TSelf Of(long value);
}

public static class TypedId
{
    public static int Slot<TId>(this TId id)
        where TId : struct, ITypedId<TId> => Id.SlotOf(id.Value);

    public static bool TryParse<TId>(ReadOnlySpan<char> text, out TId id)
        where TId : struct, ITypedId<TId>
    {
        var parsed = Id.TryParse(text, out var value);
        id = parsed ? TId.Of(value) : default;
        return parsed;
    }
}

/// <summary>Writes every <see cref="ITypedId{TSelf}"/> as a decimal string and reads nothing else.</summary>
public sealed class TypedIdJson : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsValueType && Array.Exists(typeToConvert.GetInterfaces(),
            i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITypedId<>));

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(typeToConvert))!;

    private sealed class Converter<TId> : JsonConverter<TId>
        where TId : struct, ITypedId<TId>
    {
        public override TId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && TypedId.TryParse<TId>(reader.GetString(), out var id)
                ? id
                : throw new JsonException("An id is a string of decimal digits.");

        public override void Write(Utf8JsonWriter writer, TId value, JsonSerializerOptions options)
        {
            Span<char> digits = stackalloc char[20];
            value.Value.TryFormat(digits, out var written);
            writer.WriteStringValue(digits[..written]);
        }

        public override void WriteAsPropertyName(Utf8JsonWriter writer, TId value, JsonSerializerOptions options) =>
            writer.WritePropertyName(value.Value.ToString());
    }
}
