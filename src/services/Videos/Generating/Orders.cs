using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>What a provider is asked for; one order per submission, told apart by its key.</summary>
internal static class Orders
{
    public static ClipOrder Of(GenerationRow row, string? referencePath) => new(
        $"{row.Id}-{row.Job.Submissions}", row.Prompt, row.Model, row.Seconds, row.Size.Width, row.Size.Height, row.Seed, referencePath);
}
