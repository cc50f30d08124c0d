using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SkyRiff.Kernel.Text;

namespace SkyRiff.Http;

/// <summary>
/// Makes cursors that clients cannot read meaning into or change: <c>base64url(tag || position)</c>, the tag being HMAC-SHA-256 over the
/// list's name and the position, cut to 16 bytes (RFC 2104 section 5).
/// </summary>
public sealed class CursorSeal(byte[] key)
{
    private const int TagBytes = 16;
    private const int CursorLengthMax = 512;

    public string Seal(string list, string position)
    {
        var text = Encoding.UTF8.GetBytes(position);
        var sealedBytes = new byte[TagBytes + text.Length];
        Tag(list, text).AsSpan(0, TagBytes).CopyTo(sealedBytes);
        text.CopyTo(sealedBytes.AsSpan(TagBytes));
        return Base64Url.EncodeToString(sealedBytes);
    }

    /// <summary>The position, or null for what this key did not seal for this list.</summary>
    public string? Open(string list, string cursor)
    {
        if (CanonicalBase64Url.Decode(cursor, CursorLengthMax) is not { Length: > TagBytes } bytes) return null;
        var text = bytes.AsSpan(TagBytes);
        return CryptographicOperations.FixedTimeEquals(bytes.AsSpan(0, TagBytes), Tag(list, text).AsSpan(0, TagBytes)) ? Encoding.UTF8.GetString(text) : null;
    }

    private byte[] Tag(string list, ReadOnlySpan<byte> position)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(Encoding.UTF8.GetBytes(list));
        hmac.AppendData([0]);
        hmac.AppendData(position);
        return hmac.GetHashAndReset();
    }
}
