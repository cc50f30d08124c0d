using System.Diagnostics.CodeAnalysis;
using SkyRiff.Kernel;

namespace SkyRiff.Http.Webhooks;

/// <summary>A symmetric secret of the Standard Webhooks specification: <c>whsec_</c> and the base64 of 24 to 64 bytes.</summary>
public sealed class WebhookSecret
{
    private const string Prefix = "whsec_";
    private const int BytesMin = 24;
    private const int BytesMax = 64;

    private readonly byte[] _key;

    private WebhookSecret(byte[] key) => _key = key;

    internal ReadOnlySpan<byte> Key => _key;

    /// <summary>A new one of 32 bytes.</summary>
    public static WebhookSecret Make(Entropy entropy)
    {
        var key = new byte[32];
        entropy.Fill(key);
        return new WebhookSecret(key);
    }

    /// <summary>False for what is not of the form above.</summary>
    public static bool TryParse(string text, [MaybeNullWhen(false)] out WebhookSecret secret)
    {
        secret = null;
        if (!text.StartsWith(Prefix)) return false;
        var key = new byte[text.Length];
        if (!Convert.TryFromBase64String(text[Prefix.Length..], key, out var length) || length is < BytesMin or > BytesMax) return false;
        secret = new WebhookSecret(key[..length]);
        return true;
    }

    /// <exception cref="FormatException">It is not of the form above.</exception>
    public static WebhookSecret Parse(string text) => TryParse(text, out var secret) ? secret : throw new FormatException("Not 'whsec_' followed by the base64 of 24 to 64 bytes.");

    /// <summary>Never the secret.</summary>
    public override string ToString() => Prefix + "...";
}
