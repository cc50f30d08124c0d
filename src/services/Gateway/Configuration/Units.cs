using System.Globalization;

namespace SkyRiff.Gateway.Configuration;

/// <summary>How durations, sizes and rates are written: <c>250ms 5s 2m 1h</c>, <c>512 16KB 10MB 1GB</c>, <c>100/s 1000/60s</c>.</summary>
internal static class Units
{
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = default;
        var (number, unit) = Split(text);
        var milliseconds = unit switch { "ms" => 1.0, "s" => 1000, "m" => 60_000, "h" => 3_600_000, "d" => 86_400_000, _ => 0 };
        if (milliseconds == 0 || !TryNumber(number, out var value) || value * milliseconds > int.MaxValue) return false;
        duration = TimeSpan.FromMilliseconds(value * milliseconds);
        return true;
    }

    public static bool TrySize(string text, out long bytes)
    {
        bytes = 0;
        var (number, unit) = Split(text);
        var factor = unit switch { "" or "B" => 1L, "KB" => 1L << 10, "MB" => 1L << 20, "GB" => 1L << 30, _ => 0 };
        if (factor == 0 || !TryNumber(number, out var value) || value * factor > 1L << 50) return false;
        bytes = (long)(value * factor);
        return true;
    }

    public static bool TryRate(string text, out long count, out TimeSpan period)
    {
        (count, period) = (0, default);
        var slash = text.IndexOf('/');
        if (slash < 0 || !long.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1 or > 1_000_000_000) return false;
        var rest = text[(slash + 1)..];
        return TryDuration(rest.Length > 0 && char.IsAsciiLetter(rest[0]) ? "1" + rest : rest, out period) && period > TimeSpan.Zero;
    }

    private static (string Number, string Unit) Split(string text)
    {
        var at = 0;
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.')) at++;
        return (text[..at], text[at..]);
    }

    private static bool TryNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);
}
