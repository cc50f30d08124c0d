using System.Globalization;

namespace SkyRiff.Videos.Providers;

/// <summary>What a model can do and what it costs, as data.</summary>
internal sealed record VideoModel
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Lengths in whole seconds, shortest first; the first is the default.</summary>
    public required IReadOnlyList<int> Seconds { get; init; }

    /// <summary>The first is the default.</summary>
    public required IReadOnlyList<FrameSize> Sizes { get; init; }

    public required int CreditsPerSecond { get; init; }

    public required bool TakesReference { get; init; }

    /// <summary>From then on it is not offered; null: no such day is known.</summary>
    public DateOnly? RetiresOn { get; init; }

    /// <summary>The models that may stand in for one another name the same class.</summary>
    public string? CapabilityClass { get; init; }

    public long PriceOf(int seconds) => (long)CreditsPerSecond * seconds;
}

/// <summary>Pixels, written <c>1280x720</c>.</summary>
internal readonly record struct FrameSize(int Width, int Height)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Width}x{Height}");

    public static bool TryParse(string? text, out FrameSize size)
    {
        size = default;
        var at = text?.IndexOf('x') ?? -1;
        if (at <= 0 || text!.Length > 11 || !int.TryParse(text.AsSpan(0, at), NumberStyles.None, CultureInfo.InvariantCulture, out var width) || !int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var height)) return false;
        size = new FrameSize(width, height);
        return size.ToString() == text;
    }
}
