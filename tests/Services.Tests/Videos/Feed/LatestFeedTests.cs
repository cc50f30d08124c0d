using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using SkyRiff.Videos.Feed;
using SkyRiff.Videos.Publishing;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Feed;

public sealed class LatestFeedTests(SharedPostgres shared) : WorksTest(shared)
{
    protected override int BoardMax => 100;

    [Fact]
    public async Task The_board_is_built_from_all_shards_and_shows_public_works_newest_first()
    {
        var users = new[] { await NewUserAsync(0), await NewUserAsync(1) };
        var works = new List<WorkId>();
        for (var i = 0; i < 12; i++) works.Add(await PublishedAsync(users[i % 2]));
        await PublishedAsync(users[0], "private");
        await PublishedAsync(users[1], "unlisted");
        works.Sort((one, other) => other.Value.CompareTo(one.Value)); // two of one millisecond, by their slots
        (await FeedAsync(Here)).ShouldBe(works, "without a board, the shards are merged");

        (await Keeping.RebuildAsync(Ct)).ShouldBe(12);
        (await Board.PageAsync(null, 100, Ct))!.Works.ShouldBe(works);
        foreach (var limit in new[] { 1, 5, 12, 100 }) (await FeedAsync(There, limit)).ShouldBe(works);
    }

    [Fact]
    public async Task Who_scrolls_past_the_end_of_the_board_goes_on_in_the_shards_and_sees_each_work_once()
    {
        var users = new[] { await NewUserAsync(0), await NewUserAsync(1) };
        var works = new List<WorkId>();
        for (var i = 0; i < 140; i++) works.Add(await PublishedAsync(users[i % 3 / 2]));
        works.Sort((one, other) => other.Value.CompareTo(one.Value)); // two of one millisecond, by their slots
        await Keeping.RebuildAsync(Ct);
        (await Board.StateAsync(Ct))!.Floor.ShouldBe(works[100].Value);
        foreach (var limit in new[] { 7, 60, 100 }) (await FeedAsync(Here, limit)).ShouldBe(works);

        // Newer ones push the oldest off.
        for (var i = 0; i < 10; i++)
        {
            works.Insert(0, await PublishedAsync(users[0]));
            await Board.PutAsync(works[0], Ct);
        }
        (await Board.PageAsync(null, 1_000, Ct))!.Works.ShouldBe(works.Take(100));
        await Board.PutAsync(works[120], Ct);
        (await Board.PageAsync(null, 1_000, Ct))!.Works.ShouldBe(works.Take(100), "what is older than the board's end is not the board's");
        (await FeedAsync(Here, 33)).ShouldBe(works);
    }

    [Fact]
    public async Task A_work_is_in_the_feed_when_its_event_comes_and_out_of_it_when_it_is_hidden_or_gone()
    {
        var user = await NewUserAsync(0);
        await Keeping.RebuildAsync(Ct);
        var work = await PublishedAsync(user);
        (await FeedAsync(Here)).ShouldBeEmpty("its writer died before it told anybody");
        var consumer = ActivatorUtilities.CreateInstance<FollowWorks>(Here.Services);
        await consumer.HandleAsync(new EventEnvelope(1, Topics.WorkPublished, user.Value, ApiJson.Text(new WorkPublished(work, user)), null), Ct);
        (await FeedAsync(There)).ShouldBe([work]);

        foreach (var (visibility, isShown) in new[] { ("private", false), ("public", true), ("unlisted", false), ("public", true) })
        {
            (await SendAsync(Here, HttpMethod.Patch, $"/works/{work}", user, $$"""{"visibility":"{{visibility}}"}""")).Status.ShouldBe(System.Net.HttpStatusCode.OK);
            (await FeedAsync(Here)).Count.ShouldBe(isShown ? 1 : 0, visibility);
            await Eventually.TrueAsync(async () => (await FeedAsync(There)).Count == (isShown ? 1 : 0), $"the other process did not see it {visibility}");
        }

        (await SqlAsync(user.Slot(), "SELECT count(*) FROM videos.outbox WHERE topic = 'videos.work_changed'")).ShouldBe("4");
        (await SendAsync(Here, HttpMethod.Delete, $"/works/{work}", user)).Status.ShouldBe(System.Net.HttpStatusCode.NoContent);
        (await FeedAsync(Here)).ShouldBeEmpty();
        (await Board.PageAsync(null, 10, Ct))!.Works.ShouldBeEmpty();

        // An event that comes late finds the work as it is now.
        await consumer.HandleAsync(new EventEnvelope(1, Topics.WorkPublished, user.Value, ApiJson.Text(new WorkPublished(work, user)), null), Ct);
        (await Board.PageAsync(null, 10, Ct))!.Works.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_hidden_is_not_shown_even_if_the_board_still_has_it()
    {
        var user = await NewUserAsync(0);
        var work = await PublishedAsync(user, "private");
        await Keeping.RebuildAsync(Ct);
        await Board.PutAsync(work, Ct);
        (await FeedAsync(Here)).ShouldBeEmpty();
        (await FeedAsync(Here, caller: user)).ShouldBeEmpty("the feed is what everybody sees");
    }

    [Fact]
    public async Task A_build_takes_in_what_happens_meanwhile_and_only_one_builds()
    {
        var user = await NewUserAsync(0);
        var (old, hidden) = (await PublishedAsync(user), await PublishedAsync(user));
        await Keeping.RebuildAsync(Ct);
        (await Board.BeginAsync("a", Ct)).ShouldBeTrue();
        (await Board.BeginAsync("b", Ct)).ShouldBeFalse();
        (await Keeping.RebuildAsync(Ct)).ShouldBeNull();
        (await Board.FillAsync("a", [old, hidden], Ct)).ShouldBeTrue();
        var late = await PublishedAsync(user);
        await Board.PutAsync(late, Ct);
        await Board.TakeAsync(hidden, Ct);
        (await Board.PageAsync(null, 10, Ct))!.Works.ShouldBe([late, old]);
        (await Board.SwapAsync("a", 0, TimeProvider.System.GetUtcNow(), Ct)).ShouldBeTrue();
        (await Board.PageAsync(null, 10, Ct))!.Works.ShouldBe([late, old]);
        (await Board.FillAsync("a", [old], Ct)).ShouldBeFalse("the build is over");
        (await Board.SwapAsync("a", 0, TimeProvider.System.GetUtcNow(), Ct)).ShouldBeFalse();
    }

    [Fact]
    public async Task Without_Redis_the_shards_are_asked_and_when_it_is_back_the_board_is_built_anew()
    {
        await using var own = await RedisServerProcess.StartAsync();
        await using var api = await StartApiAsync(services => services.AddSingleton(_ => RedisClient.Create(
            new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(own.SocketPath)], OutagePatience = TimeSpan.FromMilliseconds(50), ReconnectDelayMax = TimeSpan.FromMilliseconds(200) })));
        await api.Services.GetRequiredService<RedisClient>().ConnectAsync(Ct);
        var keeping = api.Services.GetRequiredService<BoardKeeping>();
        var board = api.Services.GetRequiredService<LatestBoard>();
        var user = await NewUserAsync(0);
        var first = await PublishedAsync(user);
        await keeping.LookAsync(Ct);
        (await board.StateAsync(Ct)).ShouldNotBeNull().SameServer.ShouldBeTrue();

        own.Kill();
        (await FeedAsync(api)).ShouldBe([first]);
        var second = await PublishedAsync(user);
        await api.Services.GetRequiredService<WorkCopies>().ChangedAsync(second, user, isPublic: true);
        (await FeedAsync(api)).ShouldBe([second, first]);
        await keeping.LookAsync(Ct);

        await own.RestartAsync();
        await Eventually.TrueAsync(async () =>
        {
            await keeping.LookAsync(Ct);
            try
            {
                return await board.StateAsync(Ct) is { SameServer: true };
            }
            catch (RedisException)
            {
                return false;
            }
        }, "the board was not built anew");
        (await board.PageAsync(null, 10, Ct))!.Works.ShouldBe([second, first]);
    }

    [Fact]
    public async Task A_board_from_another_life_of_Redis_is_built_anew_since_it_may_lack_the_last_changes()
    {
        var user = await NewUserAsync(0);
        var (known, lost) = (await PublishedAsync(user), await PublishedAsync(user));
        var redis = Here.Services.GetRequiredService<RedisClient>();
        var key = $"{{{Here.Services.GetRequiredService<FeedOptions>().BoardKey}}}";
        await redis.SortedSetAddAsync(key, 0, $"!0000000000000000000:0123456789abcdef:{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()}", Ct);
        await Board.PutAsync(known, Ct);
        (await FeedAsync(Here)).ShouldBe([known]);
        (await Board.StateAsync(Ct))!.SameServer.ShouldBeFalse();
        await Keeping.LookAsync(Ct);
        (await FeedAsync(Here)).ShouldBe([lost, known]);
        await SqlAsync(user.Slot(), "DELETE FROM videos.works");
        await Keeping.LookAsync(Ct);
        (await Board.PageAsync(null, 10, Ct))!.Works.Count.ShouldBe(2, "a board that is good is left alone");
    }
}
