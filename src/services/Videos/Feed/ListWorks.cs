using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Publishing;

namespace SkyRiff.Videos.Feed;

/// <summary>
/// GET /works: public works, newest first. The latest feed comes from its board in Redis and the works themselves from the cache; works of one author come from that
/// author's shard (with the private ones, if it is the caller). All shards are asked, and merged, for a tag or a search, and for the feed when there is no board or
/// it does not reach so far. Ids are in order of time on every shard, so a cursor is the last id shown.
/// </summary>
internal sealed class ListWorks(VideosDatabase database, IProfiles profiles, LatestFeed feed, WorkCopies copies, WorkViews views, SearchRoom room) : IUseCase<ListReply<WorkView>>
{
    private const int WordsLengthMax = 100;

    public async Task<Outcome<ListReply<WorkView>>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.Page("works").TryGet(out var page, out var problem)) return problem;
        if (call.Query("feed") is not (null or "latest")) return VideoProblems.UnknownFeed.Because("The feeds are: latest.", [new FieldError("", "The query parameter feed is latest.")]);
        var (tag, words) = (call.Query("tag"), call.Query("q"));
        if (tag?.Length > WordsLengthMax || words?.Length > WordsLengthMax)
            return HttpProblems.Invalid.Because($"The query parameters tag and q have up to {WordsLengthMax} characters.", [new FieldError("", $"The query parameters tag and q have up to {WordsLengthMax} characters.")]);
        var viewer = call.MaybeCaller is { } caller ? UserId.Of(caller.Subject) : (UserId?)null;
        UserId? author = null;
        if (call.Query("author") is { } wanted)
        {
            author = TypedId.TryParse<UserId>(wanted, out var id) ? id : await profiles.FindAsync(wanted, cancellationToken);
            if (author is null) return call.List<WorkView>("works", [], null);
        }

        var filter = new Filter(author, author is not null && author == viewer, tag?.ToLowerInvariant().TrimStart('#'), Pattern(words), page.After is null ? long.MaxValue : long.Parse(page.After), page.Limit + 1);
        if (filter.IsLatest && await feed.PageAsync(page.After is null ? null : filter.Before, filter.Limit, cancellationToken) is { } latest)
        {
            var ids = latest.Take(page.Limit).ToList();
            // What was hidden or deleted a moment ago may still be on the board; its copy, or that there is none, tells.
            var found = (await copies.FindAsync(ids, cancellationToken)).Where(row => row.Visibility is "public").ToList();
            return call.List("works", await views.OfAsync(found, viewer, cancellationToken), latest.Count > page.Limit ? ids[^1].Value.ToString() : null);
        }
        if (!(await FindAsync(filter, cancellationToken)).TryGet(out var rows, out problem)) return problem;
        var shown = rows.Take(page.Limit).ToList();
        return call.List("works", await views.OfAsync(shown, viewer, cancellationToken), rows.Count > page.Limit ? shown[^1].Id.Value.ToString() : null);
    }

    private sealed record Filter(UserId? Author, bool WithHidden, string? Tag, string? Pattern, long Before, int Limit)
    {
        public bool IsLatest => Author is null && Tag is null && Pattern is null;
    }

    private async Task<Outcome<List<WorkRow>>> FindAsync(Filter filter, CancellationToken cancellationToken)
    {
        if (filter.Pattern is null) return await FindAnyAsync(filter, cancellationToken);
        using var place = await room.EnterAsync(cancellationToken);
        return place is null ? SearchRoom.Full : await FindAnyAsync(filter, cancellationToken);
    }

    private async Task<List<WorkRow>> FindAnyAsync(Filter filter, CancellationToken cancellationToken)
    {
        if (filter.Author is { } author) return await database.ReadAsync(author.Slot(), (sql, token) => ListAsync(sql, filter, token), cancellationToken);
        var pages = await Task.WhenAll(database.Map.Shards.Select(shard => database.PrimaryAsync(shard, (sql, token) => ListAsync(sql, filter, token), cancellationToken)));
        return [.. pages.SelectMany(page => page).OrderByDescending(row => row.Id.Value).Take(filter.Limit)];
    }

    private static Task<List<WorkRow>> ListAsync(SqlSession sql, Filter filter, CancellationToken cancellationToken) => sql.ListAsync($"""
        SELECT {Sql.Splice(WorkRow.Columns)} FROM videos.works
         WHERE id < {filter.Before} AND (visibility = 'public' OR {filter.WithHidden})
           AND ({filter.Author?.Value}::bigint IS NULL OR user_id = {filter.Author?.Value}) AND ({filter.Tag}::text IS NULL OR tags @> ARRAY[{filter.Tag}::text])
           AND ({filter.Pattern}::text IS NULL OR title ILIKE {filter.Pattern} OR description ILIKE {filter.Pattern})
         ORDER BY id DESC LIMIT {filter.Limit}
        """, WorkRow.Read, cancellationToken);

    /// <summary>The words as they are, anywhere: LIKE's own signs are escaped. Half of a character cannot come here: a query's text is decoded UTF-8.</summary>
    private static string? Pattern(string? search) => search is null ? null
        : $"%{search.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
}
