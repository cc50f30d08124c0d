namespace SkyRiff.Resilience;

/// <summary>The names that become part of Redis keys.</summary>
internal static class SharedNames
{
    private const int LengthMax = 100;

    /// <exception cref="ArgumentException">The name is empty, too long, or has other characters than letters, digits, dots and dashes.</exception>
    public static void Check(string name)
    {
        if (name.Length is 0 or > LengthMax || !name.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or '_'))
        {
            throw new ArgumentException($"'{name}' is no name: 1 to {LengthMax} letters, digits, dots, dashes and underscores.", nameof(name));
        }
    }
}
