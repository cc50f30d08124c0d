using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.Json;
using SkyRiff.Kernel.Text;

namespace SkyRiff.Kernel.Tokens;

/// <summary>An immutable set of P-256 public keys by key id (RFC 7517). Swapped whole when keys rotate.</summary>
public sealed class JsonWebKeys
{
    private const int KeysMax = 32;
    private const int CoordinateBytes = 32;
    private const int CoordinateLength = 43;

    private readonly FrozenDictionary<string, ECDsa> _keys;

    private JsonWebKeys(IEnumerable<KeyValuePair<string, ECDsa>> keys) => _keys = keys.ToFrozenDictionary();

    public static JsonWebKeys Empty { get; } = new([]);

    public int Count => _keys.Count;

    public static JsonWebKeys Of(IEnumerable<KeyValuePair<string, ECParameters>> publicKeys) => new(publicKeys.Select(pair => KeyValuePair.Create(pair.Key, ECDsa.Create(pair.Value))));

    /// <summary>Reads a JWKS document, keeping its ES256 signature keys and ignoring others, as RFC 7517 section 5 asks.</summary>
    /// <exception cref="JsonException">Not a JWKS.</exception>
    public static JsonWebKeys Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        using var document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array) throw new JsonException("A JWKS has an array named keys.");
        var keys = new Dictionary<string, ECDsa>();
        foreach (var key in list.EnumerateArray())
        {
            if (keys.Count == KeysMax) break;
            if (Text(key, "kty") != "EC" || Text(key, "crv") != "P-256" || Text(key, "use") is not (null or "sig") || Text(key, "alg") is not (null or "ES256")) continue;
            if (Text(key, "kid") is not { Length: > 0 and <= 128 } id || Coordinate(key, "x") is not { } x || Coordinate(key, "y") is not { } y) continue;
            if (KeyOf(x, y) is { } usable) keys[id] = usable;
        }
        return new JsonWebKeys(keys);
    }

    /// <summary>The JWKS document of these keys.</summary>
    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartArray("keys");
            foreach (var (id, key) in _keys.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                var point = key.ExportParameters(includePrivateParameters: false).Q;
                json.WriteStartObject();
                json.WriteString("kty", "EC");
                json.WriteString("crv", "P-256");
                json.WriteString("use", "sig");
                json.WriteString("alg", "ES256");
                json.WriteString("kid", id);
                json.WriteString("x", Base64Url.EncodeToString(point.X));
                json.WriteString("y", Base64Url.EncodeToString(point.Y));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    internal ECDsa? Find(string id) => _keys.GetValueOrDefault(id);

    /// <summary>Null for a point that is not on the curve: one broken key does not take the others along.</summary>
    private static ECDsa? KeyOf(byte[] x, byte[] y)
    {
        try
        {
            return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } });
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement key, string name) => key.ValueKind == JsonValueKind.Object && key.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[]? Coordinate(JsonElement key, string name) =>
        CanonicalBase64Url.Decode(Text(key, name), CoordinateLength) is { Length: CoordinateBytes } bytes ? bytes : null;
}
