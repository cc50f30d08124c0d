using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Kernel.Text;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// The form of refresh tokens: <c>base64url(session 8 || rotation 4 || secret 32 || MAC 16)</c>. The secret is HMAC-SHA-256 of the rotation under the session's random
/// seed, which is in the database; the MAC is under a key derived from the master key, which is not. Nobody who has only one of the two can make a token. The MAC
/// also tells an old token that comes back (a copy: its session ends) from made-up bytes, which prove nothing and change nothing.
/// </summary>
internal sealed class RefreshTokens(MasterKey masterKey)
{
    public const int SeedBytes = 32;

    private const int SecretBytes = 32;
    private const int SecretAt = 8 + 4;
    private const int MacBytes = 16;
    private const int BodyBytes = SecretAt + SecretBytes;
    private const int LengthMax = 80;

    private readonly byte[] _key = masterKey.Derive("users/refresh-token");

    internal sealed record Parsed(SessionId Session, int Rotation, byte[] Secret)
    {
        /// <summary>Whether it is the token of this rotation of the session that has the seed.</summary>
        public bool IsOf(ReadOnlySpan<byte> seed) => CryptographicOperations.FixedTimeEquals(SecretOf(seed, Rotation), Secret);
    }

    /// <summary>The token of a rotation; the same every time.</summary>
    public string Make(SessionId session, int rotation, ReadOnlySpan<byte> seed)
    {
        var bytes = new byte[BodyBytes + MacBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, session.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), rotation);
        SecretOf(seed, rotation).CopyTo(bytes.AsSpan(SecretAt));
        Mac(bytes.AsSpan(0, BodyBytes)).CopyTo(bytes.AsSpan(BodyBytes));
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>What a token of ours says; null for anything else.</summary>
    public Parsed? Parse(string? token)
    {
        if (CanonicalBase64Url.Decode(token, LengthMax) is not { Length: BodyBytes + MacBytes } bytes) return null;
        if (!CryptographicOperations.FixedTimeEquals(Mac(bytes.AsSpan(0, BodyBytes)), bytes.AsSpan(BodyBytes))) return null;
        return new Parsed(SessionId.Of(BinaryPrimitives.ReadInt64BigEndian(bytes)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(8)), bytes[SecretAt..BodyBytes]);
    }

    private byte[] Mac(ReadOnlySpan<byte> body) => HMACSHA256.HashData(_key, body)[..MacBytes];

    private static byte[] SecretOf(ReadOnlySpan<byte> seed, int rotation)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, rotation);
        return HMACSHA256.HashData(seed, number);
    }
}
