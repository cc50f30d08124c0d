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

    public IReadOnlySet<string> Topics { get; } = new HashSet<string> { Contracts.Topics.WorkPublished, Contracts.Topics.WorkChanged };

    public async Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken)
    {
        var (work, user) = envelope.Topic == Contracts.Topics.WorkPublished ? Read<WorkPublished, (WorkId, UserId)>(envelope, what => (what.Work, what.User)) : Read<WorkChanged, (WorkId, UserId)>(envelope, what => (what.Work, what.User));
        var visibility = await database.PrimaryAsync(work.Slot(), (sql, token) =>
            sql.FirstAsync($"SELECT visibility FROM videos.works WHERE id = {work}", row => row.Text(0), token), cancellationToken);
        await copies.ChangedAsync(work, user, visibility == "public");
    }

    private static TResult Read<TEvent, TResult>(EventEnvelope envelope, Func<TEvent, TResult> select) =>
        select(JsonSerializer.Deserialize<TEvent>(envelope.Payload, ApiJson.Options) ?? throw new InvalidOperationException($"Event {envelope.Id} has no content."));
}
