using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SkyRiff.Kernel.Text;

namespace SkyRiff.Kernel.Tokens;

/// <summary>
/// Proves access tokens: JWS compact serialisation (RFC 7515), ES256 only, with everything that RFC 8725 asks for. Pure: given the token, the
/// time and the keys, it answers.
/// <list type="bullet">
/// <item>the algorithm is ours, not the header's: <c>alg</c> must say ES256 and anything else (<c>none</c>, HS256) is refused before a key is looked at;</item>
/// <item><c>kid</c> is looked up in a table, never followed; <c>jku</c>, <c>jwk</c>, <c>x5u</c> and <c>crit</c> headers are refused;</item>
/// <item><c>typ</c>, <c>iss</c>, <c>aud</c>, <c>exp</c>, <c>iat</c> and <c>nbf</c> are checked; repeated members and non-canonical base64url are refused.</item>
/// </list>
/// ECDSA has two valid signatures for every message, (r, s) and (r, n - s), and other libraries make both, so both are taken: a token's text must
/// not be used as its identity, its <c>jti</c> or session may.
/// </summary>
public sealed class AccessTokenVerifier(TokenTerms terms)
{
    /// <summary>Longer ones are not read at all.</summary>
    public const int TokenLengthMax = 2048;

    private const int SignatureBytes = 64;
    private const int RolesMax = 16;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 4 };
    private static readonly string[] RefusedHeaders = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip"];

    /// <summary>The token's claims, or null and why.</summary>
    public AccessToken? Verify(string token, DateTimeOffset now, JsonWebKeys keys, out TokenFault fault)
    {
        fault = TokenFault.Malformed;
        if (token.Length > TokenLengthMax) return null;
        var firstDot = token.IndexOf('.');
        var lastDot = token.LastIndexOf('.');
        if (firstDot <= 0 || lastDot <= firstDot + 1 || token.AsSpan(firstDot + 1, lastDot - firstDot - 1).Contains('.')) return null;
        if (Decode(token.AsSpan(0, firstDot)) is not { } header
            || Decode(token.AsSpan(firstDot + 1, lastDot - firstDot - 1)) is not { } payload
            || Decode(token.AsSpan(lastDot + 1)) is not { } signature) return null;
        try
        {
            using var head = JsonDocument.Parse(header, Strict);
            fault = CheckHeader(head.RootElement, keys, out var key);
            if (fault != TokenFault.None) return null;
            if (signature.Length != SignatureBytes || !key!.VerifyData(Encoding.ASCII.GetBytes(token, 0, lastDot), signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation))
            {
                fault = TokenFault.Signature;
                return null;
            }
            fault = TokenFault.Malformed;
            using var claims = JsonDocument.Parse(payload, Strict);
            return CheckClaims(claims.RootElement, now, out fault);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that is no UTF-16, such as a lone surrogate.
            return null;
        }
    }

    private static TokenFault CheckHeader(JsonElement header, JsonWebKeys keys, out ECDsa? key)
    {
        key = null;
        if (header.ValueKind != JsonValueKind.Object) return TokenFault.Malformed;
        if (Text(header, "alg") != "ES256") return TokenFault.Algorithm;
        if (!string.Equals(Text(header, "typ"), TokenTerms.Type, StringComparison.OrdinalIgnoreCase)) return TokenFault.Type;
        if (Array.Exists(RefusedHeaders, name => header.TryGetProperty(name, out _))) return TokenFault.Malformed;
        key = Text(header, "kid") is { } id ? keys.Find(id) : null;
        return key is null ? TokenFault.UnknownKey : TokenFault.None;
    }

    private AccessToken? CheckClaims(JsonElement claims, DateTimeOffset now, out TokenFault fault)
    {
        fault = TokenFault.Malformed;
        if (claims.ValueKind != JsonValueKind.Object) return null;
        if (Text(claims, "iss") != terms.Issuer)
        {
            fault = TokenFault.Issuer;
            return null;
        }
        if (!Audience(claims))
        {
            fault = TokenFault.Audience;
            return null;
        }
        if (Time(claims, "exp") is not { } expires || Time(claims, "iat") is not { } issued || Number(Text(claims, "sub")) is not { } subject || Number(Text(claims, "sid")) is not { } session || Roles(claims) is not { } roles) return null;
        if (expires <= now - TokenTerms.ClockSkew)
        {
            fault = TokenFault.Expired;
            return null;
        }
        if (claims.TryGetProperty("nbf", out _) && Time(claims, "nbf") is null) return null;
        if (issued > now + TokenTerms.ClockSkew || Time(claims, "nbf") > now + TokenTerms.ClockSkew)
        {
            fault = TokenFault.NotYetValid;
            return null;
        }
        fault = TokenFault.None;
        return new AccessToken(subject, session, roles, issued, expires);
    }

    private bool Audience(JsonElement claims) => claims.TryGetProperty("aud", out var audience) && audience.ValueKind switch
    {
        JsonValueKind.String => audience.GetString() == terms.Audience,
        JsonValueKind.Array => audience.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.GetString() == terms.Audience),
        _ => false,
    };

    private static List<string>? Roles(JsonElement claims)
    {
        if (!claims.TryGetProperty("roles", out var roles)) return [];
        if (roles.ValueKind != JsonValueKind.Array || roles.GetArrayLength() > RolesMax) return null;
        var list = new List<string>();
        foreach (var role in roles.EnumerateArray())
        {
            if (role.ValueKind != JsonValueKind.String) return null;
            list.Add(role.GetString()!);
        }
        return list;
    }

    private static string? Text(JsonElement from, string name) => from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Number(string? text) => Ids.Id.TryParse(text, out var number) ? number : null;

    private static DateTimeOffset? Time(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds) && seconds is >= 0 and < 253_402_300_800 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    private static byte[]? Decode(ReadOnlySpan<char> text) => CanonicalBase64Url.Decode(text, TokenLengthMax);
}
