using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Social.Likes;

/// <summary>Counts likes for whoever shows works: one statement per shard that holds any of them.</summary>
internal sealed class LikesOfWorks(SocialDatabase database) : ILikes
{
    private const int WorksMax = 100;

    public async Task<IReadOnlyDictionary<WorkId, WorkLikes>> OfAsync(IReadOnlyCollection<WorkId> works, UserId? viewer, CancellationToken cancellationToken)
    {
        if (works.Count > WorksMax) throw new ArgumentException($"At most {WorksMax} works at once.", nameof(works));
        var pages = await Task.WhenAll(works.Distinct().GroupBy(work => database.Map.ShardOf(work.Slot())).Select(group =>
        {
            var wanted = group.ToArray();
            // They may lie in many slots: a replica must have seen what this process wrote into any of them.
            var fence = new ReadFence(wanted.Max(work => database.FenceOf(work.Slot()).Position));
            return database.ReadAsync(wanted[0].Slot(), fence, (sql, token) => LikeStore.CountAsync(sql, wanted, viewer, token), cancellationToken);
        }));
        var found = pages.SelectMany(page => page).ToDictionary();
        foreach (var work in works) found.TryAdd(work, WorkLikes.None);
        return found;
    }
}
