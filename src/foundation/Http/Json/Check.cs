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

    /// <summary>Text of a length counted in UTF-16 units after trimming, without control characters (line breaks and tabs allowed where <paramref name="multiline"/>).</summary>
    public void Text(string pointer, string? text, int lengthMin, int lengthMax, bool multiline = false)
    {
        var length = text?.AsSpan().Trim().Length ?? 0;
        if (length < lengthMin) That(false, pointer, lengthMin == 1 ? "This may not be empty." : $"At least {lengthMin} characters are needed.");
        else if (text is not null && text.Length > lengthMax) That(false, pointer, $"At most {lengthMax} characters are taken; this has {text.Length}.");
        else if (text is not null && HasControlCharacter(text, multiline)) That(false, pointer, "Control characters are not taken.");
    }

    public void Range(string pointer, long value, long min, long max) => That(value >= min && value <= max, pointer, $"A whole number from {min} to {max} is needed.");

    private static bool HasControlCharacter(string text, bool multiline)
    {
        foreach (var character in text)
        {
            if (char.IsControl(character) && !(multiline && character is '\n' or '\r' or '\t')) return true;
        }
        return false;
    }
}
