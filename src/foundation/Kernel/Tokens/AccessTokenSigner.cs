using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SkyRiff.Kernel.Tokens;

/// <summary>Makes access tokens with one private key (ES256, RFC 7518 section 3.4).</summary>
public sealed class AccessTokenSigner(string keyId, ECDsa privateKey, TokenTerms terms) : IDisposable
{
    private readonly string _header = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"alg":"ES256","typ":"{{TokenTerms.Type}}","kid":"{{JsonEncodedText.Encode(keyId)}}"}"""));

    public string KeyId { get; } = keyId;

    public string Sign(AccessToken token, string tokenId)
    {
        using var stream = new MemoryStream(256);
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("iss", terms.Issuer);
            json.WriteString("aud", terms.Audience);
            json.WriteString("sub", token.Subject.ToString(CultureInfo.InvariantCulture));
            json.WriteString("sid", token.Session.ToString(CultureInfo.InvariantCulture));
            json.WriteNumber("iat", token.IssuedAt.ToUnixTimeSeconds());
            json.WriteNumber("exp", token.ExpiresAt.ToUnixTimeSeconds());
            json.WriteString("jti", tokenId);
            if (token.Roles.Count > 0)
            {
                json.WriteStartArray("roles");
                foreach (var role in token.Roles) json.WriteStringValue(role);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        var signed = _header + "." + Base64Url.EncodeToString(stream.ToArray());
        var signature = privateKey.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return signed + "." + Base64Url.EncodeToString(signature);
    }

    public void Dispose() => privateKey.Dispose();
}
