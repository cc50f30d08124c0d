using System.Globalization;

namespace SkyRiff.App;

/// <summary>
/// The text of DATA/version: which format the folder has, and the folder's own random id. The id is what ties things that have to lie
/// elsewhere (a database that its account could not reach inside DATA, sockets with short paths) to this folder and to no other,
/// even when DATA is deleted and made again under the same path.
/// </summary>
internal sealed record FormatStamp(int Format, string Id)
{
    /// <summary>Raise it together with the code that brings an older folder up to date.</summary>
    public const int FormatKnown = 1;

    public const int IdBytes = 8;

    public const string FileName = "version";

    private const string Magic = "skyriff-data";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Magic} {Format}\nid {Id}\n");

    /// <summary>Null when the text is not a stamp. A newer format may have any further lines.</summary>
    public static FormatStamp? TryParse(string text)
    {
        var lines = text.Split('\n');
        if (lines is not [var first, var second, ..]) return null;
        if (first.Split(' ') is not [Magic, var number] || second.Split(' ') is not ["id", var id]) return null;
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var format) || format < 1) return null;
        return id.Length == IdBytes * 2 && id.All(char.IsAsciiHexDigitLower) ? new FormatStamp(format, id) : null;
    }
}
