using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http.Webhooks;

/// <summary>
/// Signing and verifying by the Standard Webhooks specification, symmetric scheme <c>v1</c>: HMAC-SHA-256 over
/// <c>{webhook-id}.{webhook-timestamp}.{body}</c>, as base64. Pure: the time is given.
/// </summary>
public static class StandardWebhook
{
    /// <summary>Names the delivery; the same at a repetition.</summary>
    public const string IdHeader = "webhook-id";
    /// <summary>When it was signed, in whole seconds since 1970.</summary>
    public const string TimestampHeader = "webhook-timestamp";
    /// <summary>One or several signatures, with spaces between.</summary>
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
    public static string? Verify(
        IReadOnlyList<WebhookSecret> secrets, string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body, DateTimeOffset now, TimeSpan tolerance)
    {
        if (!IsId(id)) return $"Send one {IdHeader} of 1 to {IdLengthMax} visible ASCII characters without a dot.";
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return $"Send one {TimestampHeader} in whole seconds since 1970.";
        }
        if (signatures is null or { Length: > SignatureLengthMax }) return $"Send one {SignatureHeader} of at most {SignatureLengthMax} characters.";
        if ((DateTimeOffset.FromUnixTimeSeconds(seconds) - now).Duration() > tolerance) return $"The {TimestampHeader} is further from now than {tolerance.TotalMinutes:0} minutes.";

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
        return genuine ? null : "No signature was made with a secret of this provider over these very bytes.";
    }

    /// <inheritdoc cref="Verify(IReadOnlyList{WebhookSecret}, string?, string?, string?, ReadOnlySpan{byte}, DateTimeOffset, TimeSpan)"/>
    public static string? Verify(IReadOnlyList<WebhookSecret> secrets, IHeaderDictionary headers, ReadOnlySpan<byte> body, DateTimeOffset now, TimeSpan tolerance) =>
        Verify(secrets, Single(headers, IdHeader), Single(headers, TimestampHeader), Single(headers, SignatureHeader), body, now, tolerance);

    /// <summary>The body as it came, which is what the signature is over; at most <paramref name="bytesMax"/>, else <see cref="HttpProblems.TooLarge"/>.</summary>
    public static async Task<Outcome<ReadOnlyMemory<byte>>> ReadBodyAsync(HttpRequest request, int bytesMax, CancellationToken cancellationToken)
    {
        if (request.ContentLength > bytesMax) return TooLarge(bytesMax);
        var buffer = new byte[Math.Min(request.ContentLength ?? bytesMax, bytesMax) + 1];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length > bytesMax ? TooLarge(bytesMax) : (ReadOnlyMemory<byte>)buffer.AsMemory(0, length);
    }

    private static Problem TooLarge(int bytesMax) => HttpProblems.TooLarge.Because($"The body may have {bytesMax} bytes.");

    private static string? Single(IHeaderDictionary headers, string name) => headers[name] is [{ } only] ? only : null;

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
