using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>Dates of RFC 9110 section 5.6.7 as seconds since 1970: the one form that is written, and the two old ones that must be read.</summary>
internal static class HttpDate
{
    public const int TextBytes = 29;

    private static readonly string[] OldForms = ["dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy", "ddd MMM  d HH:mm:ss yyyy"];

    public static bool TryParse(ReadOnlySpan<byte> text, out long unixSeconds)
    {
        unixSeconds = 0;
        if (text.Length == TextBytes && Utf8Parser.TryParse(text, out DateTimeOffset date, out var consumed, 'R') && consumed == TextBytes)
        {
            unixSeconds = date.ToUnixTimeSeconds();
            return true;
        }
        if (text.Length is 0 or > 40) return false;
        if (!DateTimeOffset.TryParseExact(Encoding.Latin1.GetString(text), OldForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var old)) return false;
        unixSeconds = old.ToUnixTimeSeconds();
        return true;
    }

    /// <summary>Writes <see cref="TextBytes"/> bytes.</summary>
    public static void Format(long unixSeconds, Span<byte> text) => Utf8Formatter.TryFormat(DateTimeOffset.FromUnixTimeSeconds(unixSeconds), text, out _, 'R');
}
