using SkyRiff.Contracts;
using SkyRiff.Data;

namespace SkyRiff.Social.Likes;

/// <summary>The SQL of likes. A like and its count change in one statement, so neither can be seen or lost without the other.</summary>
internal static class LikeStore
{
    /// <summary>Rows per transaction when many are forgotten: each holds the counts of as many works.</summary>
    private const int ForgetBatch = 500;

    public static Task AddAsync(SqlSession sql, WorkId work, UserId user, CancellationToken cancellationToken) => sql.ExecuteAsync($"""
        WITH added AS (INSERT INTO social.likes (work_id, user_id) VALUES ({work}, {user}) ON CONFLICT DO NOTHING RETURNING work_id)
        INSERT INTO social.work_likes AS counted (work_id, likes) SELECT work_id, 1 FROM added
        ON CONFLICT (work_id) DO UPDATE SET likes = counted.likes + 1
        """, cancellationToken);

    public static Task RemoveAsync(SqlSession sql, WorkId work, UserId user, CancellationToken cancellationToken) => sql.ExecuteAsync($"""
        WITH removed AS (DELETE FROM social.likes WHERE work_id = {work} AND user_id = {user} RETURNING work_id)
        UPDATE social.work_likes AS counted SET likes = counted.likes - 1 FROM removed WHERE counted.work_id = removed.work_id
        """, cancellationToken);

    /// <summary>Those of the works that were ever liked; <paramref name="viewer"/> may be nobody.</summary>
    public static Task<List<KeyValuePair<WorkId, WorkLikes>>> CountAsync(SqlSession sql, WorkId[] works, UserId? viewer, CancellationToken cancellationToken) => sql.ListAsync($"""
        SELECT counted.work_id, counted.likes, EXISTS (SELECT FROM social.likes mine WHERE mine.work_id = counted.work_id AND mine.user_id = {viewer})
          FROM social.work_likes counted WHERE counted.work_id = ANY({works})
        """, row => KeyValuePair.Create(row.Id<WorkId>(0), new WorkLikes(row.Long(1), row.Bool(2))), cancellationToken);

    /// <summary>Takes back some of the likes that somebody gave on this shard; answers how many, 0 at the end.</summary>
    public static Task<int> ForgetUserAsync(SqlSession sql, UserId user, CancellationToken cancellationToken) => sql.ExecuteAsync($"""
        WITH removed AS (
          DELETE FROM social.likes WHERE user_id = {user} AND work_id = ANY(ARRAY(SELECT work_id FROM social.likes WHERE user_id = {user} LIMIT {ForgetBatch})) RETURNING work_id)
        UPDATE social.work_likes AS counted SET likes = counted.likes - 1 FROM removed WHERE counted.work_id = removed.work_id
        """, cancellationToken);

    /// <summary>Forgets some of the likes that a work received, and its count with the last ones; answers how many, 0 at the end.</summary>
    public static async Task<int> ForgetWorkAsync(SqlSession sql, WorkId work, CancellationToken cancellationToken)
    {
        var forgotten = await sql.ExecuteAsync(
            $"DELETE FROM social.likes WHERE work_id = {work} AND user_id = ANY(ARRAY(SELECT user_id FROM social.likes WHERE work_id = {work} LIMIT {ForgetBatch}))", cancellationToken);
        if (forgotten == 0) await sql.ExecuteAsync($"DELETE FROM social.work_likes WHERE work_id = {work}", cancellationToken);
        return forgotten;
    }
}
