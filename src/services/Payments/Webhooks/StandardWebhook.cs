using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments.Webhooks;

/// <summary>
/// Signing and verifying by the Standard Webhooks specification, symmetric scheme <c>v1</c>: HMAC-SHA-256 over
/// <c>{webhook-id}.{webhook-timestamp}.{body}</c>, as base64. Pure: the time is given.
/// </summary>
internal static class StandardWebhook
{
    public const string IdHeader = "webhook-id";
    public const string TimestampHeader = "webhook-timestamp";
    public const string SignatureHeader = "webhook-signature";

    private const string Scheme = "v1,";
    private const int IdLengthMax = 255;
    private const int SignatureLengthMax = 4096;

    /// <summary>One entry of the signature header.</summary>
    public static string Sign(WebhookSecret secret, string id, DateTimeOffset at, ReadOnlySpan<byte> body) =>
        Scheme + Convert.ToBase64String(Mac(secret, id, Stamp(at), body));

    /// <summary>The timestamp header: whole seconds since 1970.</summary>
    public static string Stamp(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// Null when one of the space-separated signatures was made with one of the secrets (senders send several, and we hold several, while a secret is being
    /// replaced) at a time within the tolerance; else why not. Comparing takes the same time whatever the bytes.
    /// </summary>
    public static Problem? Verify(
        IReadOnlyList<WebhookSecret> secrets, string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body, DateTimeOffset now, TimeSpan tolerance)
    {
        if (!IsId(id)) return PaymentProblems.BadSignature.Because($"Send one {IdHeader} of 1 to {IdLengthMax} visible ASCII characters without a dot.");
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return PaymentProblems.BadSignature.Because($"Send one {TimestampHeader} in whole seconds since 1970.");
        }
        if (signatures is null or { Length: > SignatureLengthMax }) return PaymentProblems.BadSignature.Because($"Send one {SignatureHeader} of at most {SignatureLengthMax} characters.");
        if ((DateTimeOffset.FromUnixTimeSeconds(seconds) - now).Duration() > tolerance) return PaymentProblems.BadSignature.Because($"The {TimestampHeader} is further from now than {tolerance.TotalMinutes:0} minutes.");

        Span<byte> candidate = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var genuine = false;
        foreach (var secret in secrets)
        {
            var mac = Mac(secret, id!, timestamp!, body);
            foreach (var entry in signatures.AsSpan().Split(' '))
            {
                var text = signatures.AsSpan(entry);
                if (!text.StartsWith(Scheme) || !Convert.TryFromBase64Chars(text[Scheme.Length..], candidate, out var length) || length != candidate.Length) continue;
                genuine |= CryptographicOperations.FixedTimeEquals(candidate, mac);
            }
        }
        return genuine ? null : PaymentProblems.BadSignature.Because("No signature was made with a secret of this provider over these very bytes.");
    }

    /// <summary>Without dots, so that no id and timestamp can be read in two ways.</summary>
    private static bool IsId(string? id) => id is { Length: > 0 and <= IdLengthMax } && id.All(letter => letter is > ' ' and <= '~' and not '.');

    private static byte[] Mac(WebhookSecret secret, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret.Key);
        hmac.AppendData(Encoding.ASCII.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        return hmac.GetHashAndReset();
    }
}
