using SkyRiff.Http;

namespace SkyRiff.Videos.Publishing;

/// <summary>What a work's words may be.</summary>
internal static class WorkRules
{
    public const int TitleLengthMax = 120;
    public const int DescriptionLengthMax = 2_000;
    public const int TagsMax = 10;
    public const int TagLengthMax = 30;

    public static readonly IReadOnlyList<string> Visibilities = ["public", "unlisted", "private"];

    public static void Check(Check check, string? title, string? description, IReadOnlyList<string>? tags, string? visibility)
    {
        if (title is not null) check.Text("/title", title, 1, TitleLengthMax);
        if (description is not null) check.Text("/description", description, 0, DescriptionLengthMax, multiline: true);
        if (visibility is not null) check.That(Visibilities.Contains(visibility), "/visibility", $"One of: {string.Join(", ", Visibilities)}.");
        if (tags is null) return;
        check.That(tags.Count <= TagsMax, "/tags", $"At most {TagsMax} tags are taken.");
        for (var i = 0; i < Math.Min(tags.Count, TagsMax); i++) check.Text($"/tags/{i}", tags[i], 1, TagLengthMax);
    }

    /// <summary>Trimmed, lower-case, without a leading #, each once.</summary>
    public static string[] Normal(IReadOnlyList<string>? tags) => [.. (tags ?? []).Select(tag => tag.Trim().TrimStart('#').ToLowerInvariant()).Where(tag => tag.Length > 0).Distinct()];
}
