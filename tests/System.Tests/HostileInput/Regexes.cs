using System.Text.RegularExpressions;

namespace SkyRiff.SystemTests.HostileInput;

/// <summary>Parameters in a route's pattern.</summary>
internal static partial class Regexes
{
    [GeneratedRegex(@"\{[^}]+\}", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    public static partial Regex Parameter();

    [GeneratedRegex(@"\{(id|orderId|idOrHandle)\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    public static partial Regex Id();
}
