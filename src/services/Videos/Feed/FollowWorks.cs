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
        var (work, user) = envelope.Topic switch
        {
            Contracts.Topics.WorkPublished when Read<WorkPublished>(envelope) is var what => (what.Work, what.User),
            Contracts.Topics.WorkDeleted when Read<WorkDeleted>(envelope) is var what => (what.Work, what.User),
            _ when Read<WorkChanged>(envelope) is var what => (what.Work, what.User),
        };
        var visibility = await database.PrimaryAsync(work.Slot(), (sql, token) =>
            sql.FirstAsync($"SELECT visibility FROM videos.works WHERE id = {work}", row => row.Text(0), token), cancellationToken);
        await copies.ChangedAsync(work, user, visibility == "public");
    }

    private static T Read<T>(EventEnvelope envelope) =>
        JsonSerializer.Deserialize<T>(envelope.Payload, ApiJson.Options) ?? throw new JsonException($"Event {envelope.Id} ({envelope.Topic}) has no payload.");
}
