using System.Net;
using System.Text.Json;
using SkyRiff.Videos.Generating;

namespace SkyRiff.Videos.Providers.OpenAiVideos;

/// <summary>What the dialect's error replies mean.</summary>
internal static class Failures
{
    private const int DetailLengthMax = 300;

    /// <summary>The failure that a reply with an error status says; null where the status leaves open whether the call had its effect.</summary>
    public static Failure? Of(HttpStatusCode status, TimeSpan? retryAfter, ReadOnlyMemory<byte> body)
    {
        var (code, message) = ErrorIn(body);
        var detail = Shown(message, $"The provider answered {(int)status}.");
        if (IsModeration(code)) return new Failure(FailureClass.InputModeration, detail);
        if (code is "insufficient_quota" or "billing_hard_limit_reached" or "invalid_api_key" or "account_deactivated") return new Failure(FailureClass.ProviderAccount, "The provider refuses our account.") { RetryAfter = retryAfter };
        return (int)status switch
        {
            401 or 402 or 403 => new Failure(FailureClass.ProviderAccount, "The provider refuses our account.") { RetryAfter = retryAfter },
            429 => new Failure(FailureClass.Throttled, "The provider is busy.") { RetryAfter = retryAfter },
            503 => new Failure(FailureClass.Throttled, "The provider is not available.") { RetryAfter = retryAfter },
            408 or 409 or 425 => null,
            >= 400 and < 500 => new Failure(FailureClass.InvalidRequest, detail),
            _ => null,
        };
    }

    public static bool IsModeration(string code) =>
        code.Contains("moderation", StringComparison.Ordinal) || code.Contains("content_policy", StringComparison.Ordinal) || code.Contains("safety", StringComparison.Ordinal) || code == "sentinel_block";

    /// <summary>The provider's own words, cut and cleaned, or ours.</summary>
    public static string Shown(string? theirs, string ours)
    {
        var clean = new string([.. (theirs ?? "").Where(character => !char.IsControl(character)).Take(DetailLengthMax)]).Trim();
        return clean.Length == 0 ? ours : clean;
    }

    private static (string Code, string? Message) ErrorIn(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind is JsonValueKind.Object && document.RootElement.TryGetProperty("error", out var error) && error.ValueKind is JsonValueKind.Object)
            {
                return (VideoObject.Text(error, "code") ?? VideoObject.Text(error, "type") ?? "", VideoObject.Text(error, "message"));
            }
        }
        catch (JsonException)
        {
            // an error page of something in between: the status says what can be said
        }
        return ("", null);
    }
}
