using System.Text.Json;
using SkyRiff.Videos.Generating;

namespace SkyRiff.Videos.Providers.OpenAiVideos;

/// <summary>The dialect's <c>video</c> object, read with patience: resellers leave members out, send numbers as strings and the other way round.</summary>
internal sealed record VideoObject(string Id, string Status, double Progress, long CreatedAt, string? Model, string? Seconds, string? Size, string? Prompt, string? ErrorCode, string? ErrorMessage)
{
    public static VideoObject? Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Of(document.RootElement);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static IReadOnlyList<VideoObject>? ParseList(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind is not JsonValueKind.Object || !document.RootElement.TryGetProperty("data", out var data) || data.ValueKind is not JsonValueKind.Array) return null;
            return [.. data.EnumerateArray().Select(Of).OfType<VideoObject>()];
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static VideoObject? Of(JsonElement element)
    {
        if (element.ValueKind is not JsonValueKind.Object || Text(element, "id") is not { Length: > 0 and <= 200 } id || Text(element, "status") is not { } status) return null;
        var error = element.TryGetProperty("error", out var nested) && nested.ValueKind is JsonValueKind.Object ? nested : default;
        return new VideoObject(
            id, status, Number(element, "progress") is { } percent ? Math.Clamp(percent / 100, 0, 1) : 0, (long)(Number(element, "created_at") ?? 0),
            Text(element, "model"), Text(element, "seconds"), Text(element, "size"), Text(element, "prompt"),
            error.ValueKind is JsonValueKind.Object ? Text(error, "code") : null, error.ValueKind is JsonValueKind.Object ? Text(error, "message") : null);
    }

    /// <summary>The failure of a job that the provider gave up. Codes that nobody listed are not retried: a retry would be bought on a guess.</summary>
    public Failure FailureOf()
    {
        var code = ErrorCode ?? "";
        var detail = Failures.Shown(ErrorMessage, "The provider could not make this clip.");
        if (Failures.IsModeration(code)) return new Failure(code.Contains("input", StringComparison.Ordinal) || code.Contains("prompt", StringComparison.Ordinal) ? FailureClass.InputModeration : FailureClass.OutputModeration, detail);
        return code is "server_error" or "internal_error" or "internal_server_error" or "overloaded" or "timeout" or "unavailable"
            ? new Failure(FailureClass.Transient, detail)
            : new Failure(FailureClass.InvalidRequest, detail);
    }

    internal static string? Text(JsonElement from, string name) => from.TryGetProperty(name, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.String => SafeText(value),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        }
        : null;

    private static string? SafeText(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // a lone surrogate: no text of ours
            return null;
        }
    }

    private static double? Number(JsonElement from, string name) => double.TryParse(Text(from, name), System.Globalization.CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}
