using System.Globalization;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Collects every broken rule of a request, so that a caller learns all of them at once.</summary>
/// <example><code>
/// var check = new Check();
/// check.Text("/title", request.Title, 1, 120);
/// if (check.Problem is { } problem) return problem;
/// </code></example>
public sealed class Check
{
    private readonly List<FieldError> _errors = [];

    public Problem? Problem => _errors.Count == 0 ? null : HttpProblems.Invalid.Because(
        _errors.Count == 1 ? "One value breaks a rule; see errors." : $"{_errors.Count} values break a rule; see errors.", _errors);

    public void That(bool holds, string pointer, string rule)
    {
        if (!holds) _errors.Add(new FieldError(pointer, rule));
    }

    /// <summary>
    /// Text of at most <paramref name="lengthMax"/> UTF-16 units as sent, and at least <paramref name="lengthMin"/> after trimming, one of them visible. Without
    /// control characters. Where <paramref name="multiline"/>, line breaks and tabs are allowed, and so is what turns the direction of the text around it; in a
    /// name that would make one look like another (Unicode TR 36 section 2.5).
    /// </summary>
    public void Text(string pointer, string? text, int lengthMin, int lengthMax, bool multiline = false)
    {
        var length = text?.AsSpan().Trim().Length ?? 0;
        if (length < lengthMin || (lengthMin > 0 && !text!.Any(IsVisible))) That(false, pointer, lengthMin == 1 ? "This may not be empty." : $"At least {lengthMin} characters are needed.");
        else if (text is not null && text.Length > lengthMax) That(false, pointer, $"At most {lengthMax} characters are taken; this has {text.Length}.");
        else if (text is not null && HasControlCharacter(text, multiline)) That(false, pointer, "Control characters are not taken.");
    }

    public void Range(string pointer, long value, long min, long max) => That(value >= min && value <= max, pointer, $"A whole number from {min} to {max} is needed.");

    private static bool IsVisible(char character) =>
        !char.IsWhiteSpace(character) && char.GetUnicodeCategory(character) is not (UnicodeCategory.Format or UnicodeCategory.Control or UnicodeCategory.OtherNotAssigned) && character is not ('\u2800' or '\u3164' or '\u115F' or '\u1160' or '\uFFA0');

    private static bool HasControlCharacter(string text, bool multiline)
    {
        foreach (var character in text)
        {
            if (char.IsControl(character) && !(multiline && character is '\n' or '\r' or '\t')) return true;
            if (!multiline && character is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069')) return true;
        }
        return false;
    }
}
