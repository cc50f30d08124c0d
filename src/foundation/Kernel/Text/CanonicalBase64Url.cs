using System.Buffers;
using System.Buffers.Text;

namespace SkyRiff.Kernel.Text;

/// <summary>
/// Base64url (RFC 4648 section 5) as tokens and cursors are allowed to spell it: without padding, white space or stray bits, so that the same bytes
/// have one spelling. The framework's own decoder takes all of these.
/// </summary>
public static class CanonicalBase64Url
{
    private static readonly SearchValues<char> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>The bytes of <paramref name="text"/>; null when it is empty, longer than <paramref name="lengthMax"/> characters, or another spelling.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text, int lengthMax) =>
        !text.IsEmpty && text.Length <= lengthMax && !text.ContainsAnyExcept(Alphabet) && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
}
