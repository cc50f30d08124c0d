using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using SkyRiff.Contracts;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Secrets;

namespace SkyRiff.Users.SigningIn;

/// <summary>
/// The form of refresh tokens: <c>base64url(session 8 || rotation 4 || random 32 || MAC 16)</c>. The MAC proves that we made it, so that an old token
/// which comes back is known for a copy (and its session revoked), while made-up bytes prove nothing and change nothing.
/// </summary>
internal sealed class RefreshTokens(MasterKey masterKey, Entropy entropy)
{
    private const int RandomBytes = 32;
    private const int MacBytes = 16;
    private const int BodyBytes = 8 + 4 + RandomBytes;

    private readonly byte[] _key = masterKey.Derive("users/refresh-token");

    internal readonly record struct Parsed(SessionId Session, int Rotation, byte[] Hash);

    /// <summary>The token for the client and the hash for the database.</summary>
    public (string Token, byte[] Hash) Make(SessionId session, int rotation)
    {
        var bytes = new byte[BodyBytes + MacBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, session.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), rotation);
        entropy.Fill(bytes.AsSpan(12, RandomBytes));
        Mac(bytes.AsSpan(0, BodyBytes)).CopyTo(bytes.AsSpan(BodyBytes));
        return (Base64Url.EncodeToString(bytes), SHA256.HashData(bytes));
    }

    public Parsed? Parse(string? token)
    {
        if (token is not { Length: > 0 and <= 128 } || !Base64Url.IsValid(token)) return null;
        var bytes = Base64Url.DecodeFromChars(token);
        if (bytes.Length != BodyBytes + MacBytes || !CryptographicOperations.FixedTimeEquals(Mac(bytes.AsSpan(0, BodyBytes)), bytes.AsSpan(BodyBytes))) return null;
        return new Parsed(SessionId.Of(BinaryPrimitives.ReadInt64BigEndian(bytes)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(8)), SHA256.HashData(bytes));
    }

    private byte[] Mac(ReadOnlySpan<byte> body) => HMACSHA256.HashData(_key, body)[..MacBytes];
}
