using System.Text.Json;
using System.Text.Json.Serialization;
using SkyRiff.Caching;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;
using SkyRiff.Videos.Feed;

namespace SkyRiff.Videos.Publishing;

/// <summary>
/// What is kept of works outside their shards, in one place: copies of the rows and of each user's count in the cache, and the board of the newest. A copy is a row,
/// the same for every viewer and shown to nobody before <see cref="WorkRow.IsVisibleTo"/> was asked. Copies are made from primaries: after a change, a replica that
/// lags must not give the old row a new life.
/// </summary>
internal sealed class WorkCopies
{
    private readonly CacheFamily<WorkId, WorkRow> _works;
    private readonly CacheFamily<UserId, WorkCount> _counts;
    private readonly VideosDatabase _database;
    private readonly LatestFeed _feed;

    public WorkCopies(Cache cache, VideosDatabase database, LatestFeed feed)
    {
        (_database, _feed) = (database, feed);
        _works = cache.Family(new CacheFamilyOptions<WorkId, WorkRow>
        {
            Name = "works",
            Load = LoadAsync,
            Payload = new JsonPayload<WorkRow>(WorkJson.Instance.WorkRow),
            Lifetime = TimeSpan.FromMinutes(5),
        });
        _counts = cache.Family(new CacheFamilyOptions<UserId, WorkCount>
        {
            Name = "work-counts",
            Load = CacheLoad.Each<UserId, WorkCount>(LoadCountAsync),
            Payload = new JsonPayload<WorkCount>(WorkJson.Instance.WorkCount),
            Lifetime = TimeSpan.FromMinutes(5),
        });
    }

    public async Task<WorkRow?> FindAsync(WorkId id, CancellationToken cancellationToken) => await _works.GetAsync(id, cancellationToken);

    /// <summary>Those that exist, in the order asked for.</summary>
    public async Task<IReadOnlyList<WorkRow>> FindAsync(IReadOnlyList<WorkId> ids, CancellationToken cancellationToken) =>
        [.. (await _works.GetManyAsync(ids, cancellationToken)).OfType<WorkRow>()];

    /// <summary>How many public works the user has.</summary>
    public async Task<long> CountAsync(UserId user, CancellationToken cancellationToken) => (await _counts.GetAsync(user, cancellationToken))?.Public ?? 0;

    /// <summary>After the commit of whatever changed the work.</summary>
    public async Task ChangedAsync(WorkId work, UserId user, bool isPublic)
    {
        await _works.RemoveAsync(work, CancellationToken.None);
        await _counts.RemoveAsync(user, CancellationToken.None);
        await _feed.ChangedAsync(work, isPublic);
    }

    private async Task<IReadOnlyDictionary<WorkId, WorkRow>> LoadAsync(IReadOnlyList<WorkId> ids, CancellationToken cancellationToken)
    {
        var pages = await Task.WhenAll(ids.GroupBy(id => _database.Map.ShardOf(id.Slot())).Select(group =>
        {
            var wanted = group.ToArray();
            return _database.PrimaryAsync(group.Key, (sql, token) => sql.ListAsync($"SELECT {Sql.Splice(WorkRow.Columns)} FROM videos.works WHERE id = ANY({wanted})", WorkRow.Read, token), cancellationToken);
        }));
        return pages.SelectMany(page => page).ToDictionary(row => row.Id);
    }

    private Task<WorkCount?> LoadCountAsync(UserId user, CancellationToken cancellationToken) => _database.PrimaryAsync(user.Slot(), async (sql, token) =>
        (WorkCount?)new WorkCount(await sql.SingleAsync($"SELECT count(*) FROM videos.works WHERE user_id = {user} AND visibility = 'public'", row => row.Long(0), token)), cancellationToken);
}

internal sealed record WorkCount(long Public);

/// <summary>How copies are written; raise the payload's version when old bytes cannot be read as what these types are now.</summary>
[JsonSerializable(typeof(WorkRow))]
[JsonSerializable(typeof(WorkCount))]
internal sealed partial class WorkJson : JsonSerializerContext
{
    public static WorkJson Instance { get; } = new(new JsonSerializerOptions { Converters = { new TypedIdJson() } });
}
