using System.Buffers.Text;
using System.Text.Json;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Who a request comes from, once that was proven. Shared by every request with the same token, so reading it costs nothing.</summary>
internal sealed record Identity(byte[] User, long ExpiresAt, long IssuedAt)
{
    /// <summary>Stable per user; for limits, hashing and canaries.</summary>
    public ulong Hash { get; } = Resilience.Hashing.SipHash.Stable.Hash(User);

    /// <summary>Of the claim <c>sid</c>; 0 when the token names no session.</summary>
    public ulong Session { get; init; }
}

internal enum TokenVerdict : byte
{
    Valid,
    Malformed,
    UnknownKey,
    BadSignature,
    WrongIssuer,
    Expired,
    NotYetValid,
    Revoked,
}

/// <summary>
/// Checks ES256 tokens (RFC 7519, RFC 8725). The algorithm is ours and not the header's; issuer, audience, type, expiry and subject are demanded. What
/// was verified once is remembered by the token's bytes, since a signature costs a thousand times a look-up; expiry and revocation are
/// looked at every time.
/// </summary>
internal sealed class JwtVerifier(string issuer, string audience, TimeSpan leeway, int cacheMax)
{
    private const int TokenBytesMax = 4096;

    private readonly long _leeway = (long)leeway.TotalSeconds;
    private readonly TokenCache _cache = new(cacheMax);
    private JsonWebKeys _keys = JsonWebKeys.None;
    private long _unknownKeys;

    public Revocations Revocations { get; } = new();

    public int Cached => _cache.Count;

    /// <summary>Tokens that named a key we do not have: the sign to fetch the keys again.</summary>
    public long UnknownKeys => Volatile.Read(ref _unknownKeys);

    /// <summary>What the keys were read from, so that reading the same again keeps the cache.</summary>
    public string KeysText { get; set; } = "";

    public JsonWebKeys Keys
    {
        get => Volatile.Read(ref _keys);
        set
        {
            Volatile.Write(ref _keys, value);
            _cache.Clear(); // a key that was withdrawn must not live on in what it once signed
        }
    }

    public TokenVerdict Verify(ReadOnlySpan<byte> token, long nowSeconds, out Identity? identity)
    {
        identity = _cache.Find(token);
        if (identity is null)
        {
            var verdict = VerifySlowly(token, nowSeconds, out identity);
            if (verdict != TokenVerdict.Valid) return verdict;
            _cache.Add(token, identity!);
        }
        if (nowSeconds >= identity!.ExpiresAt + _leeway) return TokenVerdict.Expired;
        return Revocations.IsRevoked(identity) ? TokenVerdict.Revoked : TokenVerdict.Valid;
    }

    private TokenVerdict VerifySlowly(ReadOnlySpan<byte> token, long nowSeconds, out Identity? identity)
    {
        identity = null;
        if (token.Length > TokenBytesMax) return TokenVerdict.Malformed;
        var firstDot = token.IndexOf((byte)'.');
        var lastDot = token.LastIndexOf((byte)'.');
        if (firstDot <= 0 || lastDot == firstDot || token[(firstDot + 1)..lastDot].Contains((byte)'.')) return TokenVerdict.Malformed;

        Span<byte> header = stackalloc byte[512];
        Span<byte> payload = stackalloc byte[TokenBytesMax];
        Span<byte> signature = stackalloc byte[64];
        if (!TryDecode(token[..firstDot], ref header) || !TryDecode(token[(firstDot + 1)..lastDot], ref payload)
            || !TryDecode(token[(lastDot + 1)..], ref signature) || signature.Length != 64) return TokenVerdict.Malformed;
        if (!TryReadHeader(header, out var keyId)) return TokenVerdict.Malformed;
        var keys = Keys;
        if (!keys.Has(keyId))
        {
            Interlocked.Increment(ref _unknownKeys);
            return TokenVerdict.UnknownKey;
        }
        if (!keys.Verify(keyId, token[..lastDot], signature)) return TokenVerdict.BadSignature;
        return ReadClaims(payload, nowSeconds, out identity);
    }

    private static bool TryDecode(ReadOnlySpan<byte> encoded, ref Span<byte> destination)
    {
        if (encoded.Length == 0 || encoded.Contains((byte)'=')) return false;
        if (Base64Url.DecodeFromUtf8(encoded, destination, out var consumed, out var written) != System.Buffers.OperationStatus.Done || consumed != encoded.Length) return false;
        destination = destination[..written];
        return true;
    }

    /// <summary><c>{"alg":"ES256","kid":...,"typ":"JWT" or "at+jwt"}</c>; a critical extension is one we do not know.</summary>
    private static bool TryReadHeader(ReadOnlySpan<byte> json, out ReadOnlySpan<byte> keyId)
    {
        keyId = default;
        var (algorithm, type) = (false, true);
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("alg"u8))
                {
                    if (algorithm || !reader.Read() || reader.TokenType != JsonTokenType.String || !reader.ValueTextEquals("ES256"u8)) return false;
                    algorithm = true;
                }
                else if (reader.ValueTextEquals("kid"u8))
                {
                    if (keyId.Length > 0 || !reader.Read() || reader.TokenType != JsonTokenType.String || reader.ValueIsEscaped) return false;
                    keyId = reader.ValueSpan;
                }
                else if (reader.ValueTextEquals("typ"u8))
                {
                    type = reader.Read() && reader.TokenType == JsonTokenType.String && (reader.ValueTextEquals("JWT"u8) || reader.ValueTextEquals("at+jwt"u8));
                }
                else
                {
                    if (reader.ValueTextEquals("crit"u8)) return false;
                    reader.Skip();
                }
            }
            return algorithm && type && keyId.Length > 0 && reader.TokenType == JsonTokenType.EndObject && !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private TokenVerdict ReadClaims(ReadOnlySpan<byte> json, long nowSeconds, out Identity? identity)
    {
        identity = null;
        byte[]? subject = null;
        var session = 0UL;
        var (expires, notBefore, issued) = (-1L, 0L, 0L);
        var (issuerFits, audienceFits) = (false, false);
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return TokenVerdict.Malformed;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("sub"u8))
                {
                    if (subject is not null || !reader.Read() || reader.TokenType != JsonTokenType.String || reader.ValueIsEscaped) return TokenVerdict.Malformed;
                    subject = reader.ValueSpan.ToArray();
                }
                else if (reader.ValueTextEquals("exp"u8))
                {
                    if (expires >= 0 || !reader.Read() || !reader.TryGetInt64(out expires) || expires is < 0 or > (1L << 53)) return TokenVerdict.Malformed;
                }
                else if (reader.ValueTextEquals("nbf"u8))
                {
                    if (!reader.Read() || !reader.TryGetInt64(out notBefore) || notBefore < 0) return TokenVerdict.Malformed;
                }
                else if (reader.ValueTextEquals("iat"u8))
                {
                    if (!reader.Read() || !reader.TryGetInt64(out issued) || issued < 0) return TokenVerdict.Malformed;
                }
                else if (reader.ValueTextEquals("sid"u8))
                {
                    if (session != 0 || !reader.Read() || reader.TokenType != JsonTokenType.String || reader.ValueIsEscaped) return TokenVerdict.Malformed;
                    session = Resilience.Hashing.SipHash.Stable.Hash(reader.ValueSpan);
                }
                else if (reader.ValueTextEquals("iss"u8))
                {
                    issuerFits = reader.Read() && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals(issuer);
                }
                else if (reader.ValueTextEquals("aud"u8))
                {
                    audienceFits = ReadAudience(ref reader);
                }
                else
                {
                    reader.Skip();
                }
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return TokenVerdict.Malformed;
        }
        if (!issuerFits || !audienceFits) return TokenVerdict.WrongIssuer;
        if (expires < 0 || subject is not { Length: > 0 and <= 128 } || subject.AsSpan().ContainsAny(Http1.HttpBytes.Control)) return TokenVerdict.Malformed;
        if (nowSeconds < notBefore - _leeway) return TokenVerdict.NotYetValid;
        if (nowSeconds >= expires + _leeway) return TokenVerdict.Expired;
        identity = new(subject, expires, issued) { Session = session };
        return TokenVerdict.Valid;
    }

    private bool ReadAudience(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String) return reader.ValueTextEquals(audience);
        var found = false;
        if (reader.TokenType != JsonTokenType.StartArray) return false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) found |= reader.TokenType == JsonTokenType.String && reader.ValueTextEquals(audience);
        return found;
    }
}
