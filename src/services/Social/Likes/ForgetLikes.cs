using System.Text.Json;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Social.Likes;

/// <summary>
/// A user was deleted: the likes they gave are taken back, on every shard. A work was deleted: the likes it received go. Doing it again changes nothing, so no inbox
/// is needed. A like that was let in just before its work went may be written just after; nobody sees it, and it weighs a row.
/// </summary>
internal sealed class ForgetLikes(SocialDatabase database) : IEventConsumer
{
    public string Name => "social.forget_likes";

    public IReadOnlySet<string> Topics { get; } = new HashSet<string> { Contracts.Topics.UserDeleted, Contracts.Topics.WorkDeleted };

    public async Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken)
    {
        if (envelope.Topic == Contracts.Topics.WorkDeleted)
        {
            var work = Read<WorkDeleted>(envelope).Work;
            await ForgetAsync(database.Map.ShardOf(work.Slot()), (sql, token) => LikeStore.ForgetWorkAsync(sql, work, token), cancellationToken);
            return;
        }
        var user = Read<UserDeleted>(envelope).User;
        foreach (var shard in database.Map.Shards) await ForgetAsync(shard, (sql, token) => LikeStore.ForgetUserAsync(sql, user, token), cancellationToken);
    }

    private async Task ForgetAsync(Shard shard, Func<SqlSession, CancellationToken, Task<int>> forget, CancellationToken cancellationToken)
    {
        while (await database.TransactAsync(shard, forget, cancellationToken) > 0)
        {
            // Another batch.
        }
    }

    private static T Read<T>(EventEnvelope envelope) =>
        JsonSerializer.Deserialize<T>(envelope.Payload, ApiJson.Options) ?? throw new JsonException($"Event {envelope.Id} ({envelope.Topic}) has no payload.");
}
