namespace SkyRiff.Kernel.Idempotency;

/// <summary>
/// What a caller sent to make a request repeatable: its key, and the fingerprint of what it asked for.
/// The same key with another fingerprint is a mistake of the caller's, never a second effect.
/// </summary>
/// <param name="Key">1 to 255 visible ASCII characters, chosen by the caller, unique per owner.</param>
/// <param name="Fingerprint">SHA-256 over method, route and body bytes: 32 bytes.</param>
public sealed record IdempotencyKey(string Key, byte[] Fingerprint)
{
    public const int KeyLengthMax = 255;

    public static bool IsValid(ReadOnlySpan<char> key)
    {
        if (key.Length is 0 or > KeyLengthMax) return false;
        foreach (var character in key)
        {
            if (character is <= ' ' or > '~') return false;
        }
        return true;
    }
}

/// <summary>A reply as it was first sent; stored with the effect in one transaction and replayed byte for byte.</summary>
/// <param name="Status">HTTP status, 200 to 299: only effects are stored, refusals are decided afresh.</param>
/// <param name="Body">UTF-8 JSON.</param>
public sealed record StoredReply(int Status, ReadOnlyMemory<byte> Body);
