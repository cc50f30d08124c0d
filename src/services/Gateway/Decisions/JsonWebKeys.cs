using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// The public keys of a token issuer (RFC 7517), P-256 only. A <c>kid</c> is a name to compare with and nothing else. Immutable; replaced as a
/// whole when the issuer rotates.
/// </summary>
internal sealed class JsonWebKeys
{
    private const int KeysMax = 32;

    public static readonly JsonWebKeys None = new([]);

    private readonly (byte[] Id, ECDsa Key)[] _keys;

    private JsonWebKeys((byte[] Id, ECDsa Key)[] keys) => _keys = keys;

    public int Count => _keys.Length;

    /// <summary>Null when it is no key set; keys of other kinds in it are left out.</summary>
    public static JsonWebKeys? TryParse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (!document.RootElement.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array) return null;
            var keys = new List<(byte[], ECDsa)>();
            foreach (var item in list.EnumerateArray().Take(KeysMax))
            {
                if (Text(item, "kty") != "EC" || Text(item, "crv") != "P-256" || Text(item, "kid") is not { Length: > 0 } id) continue;
                if (Text(item, "use") is not (null or "sig") || Text(item, "alg") is not (null or "ES256")) continue;
                if (Text(item, "x") is not { } x || Text(item, "y") is not { } y) continue;
                var parameters = new ECParameters
                {
                    Curve = ECCurve.NamedCurves.nistP256,
                    Q = new ECPoint { X = Base64Url.DecodeFromChars(x), Y = Base64Url.DecodeFromChars(y) },
                };
                keys.Add((Encoding.UTF8.GetBytes(id), ECDsa.Create(parameters)));
            }
            return new([.. keys]);
        }
        catch (Exception broken) when (broken is JsonException or CryptographicException or FormatException)
        {
            return null;
        }
    }

    public bool Has(ReadOnlySpan<byte> id) => Find(id) is not null;

    /// <summary>ES256: ECDSA on P-256 with SHA-256, the signature as r and s (RFC 7518 section 3.4).</summary>
    public bool Verify(ReadOnlySpan<byte> id, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature) =>
        Find(id) is { } key && key.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    private static string? Text(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private ECDsa? Find(ReadOnlySpan<byte> id)
    {
        foreach (var (known, key) in _keys)
        {
            if (id.SequenceEqual(known)) return key;
        }
        return null;
    }
}
