using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Videos.Publishing;

/// <summary>The contract for services that hang something on a work.</summary>
internal sealed class VisibleWorks(VideosDatabase database) : IWorks
{
    public Task<bool> IsVisibleAsync(WorkId work, UserId viewer, CancellationToken cancellationToken) => database.ReadAsync(work.Slot(), (sql, token) =>
        sql.SingleAsync($"SELECT EXISTS (SELECT FROM videos.works WHERE id = {work} AND (visibility IN ('public', 'unlisted') OR user_id = {viewer}))", row => row.Bool(0), token), cancellationToken);
}
