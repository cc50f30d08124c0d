using System.Security.Cryptography;
using System.Text;

namespace SkyRiff.Kernel.Secrets;

/// <summary>
/// The one secret an installation must keep: 32 random bytes in a file. Everything else that needs a key derives it from this one by
/// purpose (HKDF-SHA-256, RFC 5869), or is stored sealed under it (AES-256-GCM, NIST SP 800-38D).
/// </summary>
public sealed class MasterKey
{
    public const int LengthBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    /// <summary>First byte of everything sealed, so that the form can change.</summary>
    private const byte Format = 1;

    private readonly byte[] _key;

    public MasterKey(byte[] key)
    {
        if (key.Length != LengthBytes) throw new ArgumentException($"A master key has {LengthBytes} bytes; {key.Length} were given.", nameof(key));
        _key = key;
    }

    /// <summary>A key for one purpose; the same every time.</summary>
    public byte[] Derive(string purpose, int lengthBytes = 32) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, lengthBytes, salt: null, info: Encoding.UTF8.GetBytes(purpose));

    /// <summary>
    /// Encrypts and authenticates. The context (say <c>signing-key/&lt;kid&gt;</c>) is authenticated too: moved to another row, a sealed value no longer opens.
    /// </summary>
    /// <returns><c>format || nonce || ciphertext || tag</c>.</returns>
    public byte[] Seal(ReadOnlySpan<byte> plain, string context)
    {
        var result = new byte[1 + NonceBytes + plain.Length + TagBytes];
        result[0] = Format;
        var nonce = result.AsSpan(1, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var gcm = new AesGcm(Derive("seal"), TagBytes);
        gcm.Encrypt(nonce, plain, result.AsSpan(1 + NonceBytes, plain.Length), result.AsSpan(1 + NonceBytes + plain.Length), Encoding.UTF8.GetBytes(context));
        return result;
    }

    /// <exception cref="CryptographicException">Another master key, another context, or changed bytes.</exception>
    public byte[] Open(ReadOnlySpan<byte> sealedBytes, string context)
    {
        if (sealedBytes.Length < 1 + NonceBytes + TagBytes || sealedBytes[0] != Format) throw new CryptographicException("Not a sealed value of a known form.");
        var plain = new byte[sealedBytes.Length - 1 - NonceBytes - TagBytes];
        using var gcm = new AesGcm(Derive("seal"), TagBytes);
        gcm.Decrypt(sealedBytes.Slice(1, NonceBytes), sealedBytes.Slice(1 + NonceBytes, plain.Length), sealedBytes[^TagBytes..], plain, Encoding.UTF8.GetBytes(context));
        return plain;
    }

    public override string ToString() => "MasterKey (secret)";
}
