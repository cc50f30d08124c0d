using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Social;

public sealed class LikeTests(SharedPostgres shared) : SocialTest(shared)
{
    [Fact]
    public async Task A_like_counts_once_however_often_it_is_said_and_so_does_taking_it_back()
    {
        var (work, one, other) = (await NewWorkAsync(), await NewUserAsync(), await NewUserAsync());
        for (var i = 0; i < 3; i++) (await LikeAsync(work, one)).ShouldBe("""{"likes":1,"liked":true}""");
        (await LikeAsync(work, other)).ShouldBe("""{"likes":2,"liked":true}""");
        for (var i = 0; i < 3; i++) (await UnlikeAsync(work, one)).ShouldBe("""{"likes":1,"liked":false}""");
        (await LikeAsync(work, one)).ShouldBe("""{"likes":2,"liked":true}""");
    }

    [Fact]
    public async Task Taking_back_what_was_never_given_is_harmless() =>
        (await UnlikeAsync(await NewWorkAsync(), await NewUserAsync())).ShouldBe("""{"likes":0,"liked":false}""");

    [Fact]
    public async Task A_work_that_is_private_or_unknown_or_no_id_at_all_is_not_there()
    {
        var (owner, stranger) = (await NewUserAsync(), await NewUserAsync());
        var hidden = await NewWorkAsync(privateTo: owner);
        foreach (var method in new[] { HttpMethod.Put, HttpMethod.Delete })
        {
            foreach (var id in new[] { hidden.ToString(), "1", "0", "-1", "x", "9223372036854775807", "99999999999999999999" })
            {
                (await SendAsync(method, id, stranger, HttpStatusCode.NotFound)).ShouldContain("\"code\":\"videos.work_not_found\"");
            }
        }
        (await RowsAsync("likes")).ShouldBe(0);
        (await RowsAsync("work_likes")).ShouldBe(0);
        (await LikeAsync(hidden, owner)).ShouldBe("""{"likes":1,"liked":true}""");
    }

    [Fact]
    public async Task Nobody_likes_without_signing_in()
    {
        var work = await NewWorkAsync();
        await SendAsync(HttpMethod.Put, work.ToString(), null, HttpStatusCode.Unauthorized);
        await SendAsync(HttpMethod.Delete, work.ToString(), null, HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Many_who_like_and_change_their_minds_at_once_are_counted_exactly()
    {
        var work = await NewWorkAsync();
        var users = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => NewUserAsync()));
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Ct }, async (i, _) =>
        {
            // The first ten users like and unlike in a race with themselves; the others only like, ten times each.
            if (i % 40 < 10 && i / 40 % 2 == 1) await UnlikeAsync(work, users[i % 40]);
            else await LikeAsync(work, users[i % 40]);
        });
        foreach (var waverer in users[..10]) await UnlikeAsync(work, waverer);
        (await LikeAsync(work, users[39])).ShouldBe("""{"likes":30,"liked":true}""");
    }

    [Fact]
    public async Task The_same_like_sent_many_times_in_parallel_is_one_and_every_reply_knows_it()
    {
        var (work, user) = (await NewWorkAsync(), await NewUserAsync());
        var replies = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => LikeAsync(work, user)));
        replies.ShouldAllBe(reply => reply == """{"likes":1,"liked":true}""");
    }

    [Fact]
    public async Task A_page_of_works_is_counted_for_its_viewer_by_one_query_per_shard()
    {
        var works = new List<WorkId>();
        for (var i = 0; i < 10; i++) works.Add(await NewWorkAsync(slot: i % 4)); // two shards, four slots
        var (viewer, other) = (await NewUserAsync(), await NewUserAsync());
        await LikeAsync(works[0], viewer);
        await LikeAsync(works[0], other);
        await LikeAsync(works[1], other);

        using var queries = new QueryWatch(Databases);
        var counted = await Likes.OfAsync(works, viewer, Ct);
        queries.Seen.Order().ShouldBe(Databases.Order());

        counted.Count.ShouldBe(10);
        counted[works[0]].ShouldBe(new WorkLikes(2, Liked: true));
        counted[works[1]].ShouldBe(new WorkLikes(1, Liked: false));
        counted[works[2]].ShouldBe(WorkLikes.None);
        (await Likes.OfAsync(works, null, Ct))[works[0]].ShouldBe(new WorkLikes(2, Liked: false));
        (await Likes.OfAsync([], viewer, Ct)).ShouldBeEmpty();
    }

    /// <summary>The databases that were asked, once per statement, as Npgsql tells tracers.</summary>
    private sealed class QueryWatch : IDisposable
    {
        private readonly ActivityListener _listener;

        public QueryWatch(IReadOnlyList<string> databases)
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Npgsql",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = activity =>
                {
                    // Opening a connection is told, too, but without a statement.
                    if (activity.GetTagItem("db.query.text") is string && activity.GetTagItem("db.namespace") is string database && databases.Contains(database)) Seen.Add(database);
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public ConcurrentBag<string> Seen { get; } = [];

        public void Dispose() => _listener.Dispose();
    }
}
