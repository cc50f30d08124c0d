namespace SkyRiff.Contracts;

/// <summary>How works are liked, for showing beside them; Social knows.</summary>
public interface ILikes
{
    /// <summary>One answer per work; at most 100 at once. Costs one query per shard that holds any of them.</summary>
    Task<IReadOnlyDictionary<WorkId, WorkLikes>> OfAsync(IReadOnlyCollection<WorkId> works, UserId? viewer, CancellationToken cancellationToken);
}

/// <param name="Liked">By the viewer; false when nobody is signed in.</param>
public sealed record WorkLikes(long Likes, bool Liked)
{
    public static readonly WorkLikes None = new(0, Liked: false);
}
