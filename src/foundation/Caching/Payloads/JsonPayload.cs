using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace SkyRiff.Caching;

/// <summary>Values as UTF-8 JSON, by the source generator's description of the type: <c>new JsonPayload&lt;Clip&gt;(ClipJson.Default.Clip)</c>.</summary>
/// <param name="type">Written and read by this.</param>
/// <param name="version">Raise it when JSON of before cannot be read as the type of now.</param>
public sealed class JsonPayload<T>(JsonTypeInfo<T> type, byte version = 1) : ICachePayload<T>
    where T : class
{
    [ThreadStatic]
    private static Utf8JsonWriter? t_writer;

    /// <inheritdoc/>
    public byte Version => version;

    /// <inheritdoc/>
    public void Write(T value, IBufferWriter<byte> destination)
    {
        var writer = t_writer ??= new Utf8JsonWriter(destination, new JsonWriterOptions { SkipValidation = true });
        writer.Reset(destination);
        try
        {
            JsonSerializer.Serialize(writer, value, type);
            writer.Flush();
        }
        catch
        {
            t_writer = null;
            throw;
        }
    }

    /// <inheritdoc/>
    public bool TryRead(byte version, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out T? value)
    {
        value = version == Version ? JsonSerializer.Deserialize(bytes, type) : null;
        return value is not null;
    }
}
