using System.Text.Json;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Videos.Publishing;

namespace SkyRiff.Videos.Feed;

/// <summary>
/// Keeps what is read of works true: the board, and the copies in the caches. The writer has done it already, right after its commit; this is for the one that died
/// in between. It looks at the work as it is now, so events may come twice and late.
/// </summary>
internal sealed class FollowWorks(VideosDatabase database, WorkCopies copies) : IEventConsumer
{
    public string Name => "videos.follow_works";

    public IReadOnlySet<string> Topics { get; } = new HashSet<string> { Contracts.Topics.WorkPublished, Contracts.Topics.WorkChanged, Contracts.Topics.WorkDeleted };

    public async Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken)
    {
        var (work, user) = JsonSerializer.Deserialize<Subject>(envelope.Payload, ApiJson.Options) ?? throw new JsonException($"Event {envelope.Id} ({envelope.Topic}) has no payload.");
        var visibility = await database.PrimaryAsync(work.Slot(), (sql, token) =>
            sql.FirstAsync($"SELECT visibility FROM videos.works WHERE id = {work}", row => row.Text(0), token), cancellationToken);
        await copies.ChangedAsync(work, user, visibility == "public");
    }

    /// <summary>All events of works say whose and which.</summary>
    private sealed record Subject(WorkId Work, UserId User);
}
