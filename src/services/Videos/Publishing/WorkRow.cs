using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Playback;

namespace SkyRiff.Videos.Publishing;

/// <summary>A published generation as stored.</summary>
internal sealed record WorkRow(
    WorkId Id, UserId User, GenerationId Generation, string Title, string Description, IReadOnlyList<string> Tags, string Visibility, string Prompt, string Model, PackageManifest Manifest, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public const string Columns = "id, user_id, generation_id, title, description, tags, visibility, prompt, model, manifest::text, created_at, updated_at";

    public bool IsVisibleTo(UserId? viewer) => Visibility is "public" or "unlisted" || viewer == User;

    public static WorkRow Read(SqlRow row) => new(
        row.Id<WorkId>(0), row.Id<UserId>(1), row.Id<GenerationId>(2), row.Text(3), row.Text(4), row.Texts(5), row.Text(6), row.Text(7), row.Text(8), GenerationRow.ReadManifest(row.Text(9)), row.Time(10), row.Time(11));
}

/// <summary>A work as the API shows it.</summary>
/// <param name="Viewer">What it is to whoever looks; null when signed out.</param>
internal sealed record WorkView(
    WorkId Id, string Title, string Description, IReadOnlyList<string> Tags, string Visibility, Author Author, string Prompt, string Model, PlaybackView Playback, WorkCounts Counts, WorkViewer? Viewer, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

internal sealed record WorkCounts(long Views, long Likes, long Comments);

internal sealed record WorkViewer(bool Liked, bool Own);

/// <summary>Makes views of works, with all their authors and all their likes in one look-up each.</summary>
internal sealed class WorkViews(IProfiles profiles, ILikes likes, MediaUrls urls)
{
    public async Task<IReadOnlyList<WorkView>> OfAsync(IReadOnlyList<WorkRow> rows, UserId? viewer, CancellationToken cancellationToken)
    {
        var naming = profiles.OfAsync([.. rows.Select(row => row.User).Distinct()], cancellationToken);
        var liking = likes.OfAsync([.. rows.Select(row => row.Id)], viewer, cancellationToken);
        await Task.WhenAll(naming, liking);
        var (authors, liked) = (await naming, await liking);
        return [.. rows.Where(row => authors.ContainsKey(row.User)).Select(row => Of(row, authors[row.User], liked[row.Id], viewer))];
    }

    public WorkView Of(WorkRow row, Author author, WorkLikes liked, UserId? viewer) => new(
        row.Id, row.Title, row.Description, row.Tags, row.Visibility, author, row.Prompt, row.Model,
        urls.Playback(row.Generation, row.Manifest, isPublic: row.Visibility is not "private"), new WorkCounts(0, liked.Likes, 0), viewer is null ? null : new WorkViewer(liked.Liked, Own: viewer == row.User), row.CreatedAt, row.UpdatedAt);
}
