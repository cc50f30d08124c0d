using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Leaderboards;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Leaderboards;

public sealed class LeaderboardTests(RedisFixture fixture) : IClassFixture<RedisFixture>
{
    private static readonly DateTimeOffset NewYear = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly FakeTime _time = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_ranks_like_a_sorted_list_of_scores_and_times()
    {
        var board = Make("model", BoardPeriod.Month);
        var random = Entropy.Seeded(8);
        var records = Enumerable.Range(0, 1_500).Select(i => new BoardRecord($"u{i}", random.Next(200) - 50, NewYear.AddMinutes(i * 7))).OrderBy(_ => random.Next(1_000_000)).ToList();
        var expected = records.OrderByDescending(record => record.Score).ThenBy(record => record.ReachedAt).Select((record, i) => new BoardEntry(i + 1, record.Member, record.Score)).ToList();

        (await board.RebuildAsync(records.ToAsyncEnumerable(), null, Cancel)).ShouldBe(1_500);

        (await board.CountAsync(null, Cancel)).ShouldBe(1_500);
        (await board.TopAsync(0, 1_000, null, Cancel)).ShouldBe(expected.Take(1_000));
        (await board.TopAsync(995, 10, null, Cancel)).ShouldBe(expected.Skip(995).Take(10));
        foreach (var place in new[] { 0, 1, 700, 1_498, 1_499 })
        {
            (await board.AroundAsync(expected[place].Member, 3, null, Cancel)).ShouldBe(expected.Where(entry => Math.Abs(entry.Rank - place - 1) <= 3));
            (await board.FindAsync(expected[place].Member, null, Cancel)).ShouldBe(expected[place]);
        }
        (await board.FindAsync("nobody", null, Cancel)).ShouldBeNull();
        (await board.AroundAsync("nobody", 3, null, Cancel)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Scores_add_up_and_who_was_there_first_stands_higher()
    {
        var board = new Leaderboard(new LeaderboardOptions { Name = "live", Period = BoardPeriod.Day }, fixture.Redis, TimeProvider.System, Entropy.System);
        (await board.AddAsync("zoe", 4, Cancel)).ShouldBe(4);
        (await board.AddAsync("zoe", 3, Cancel)).ShouldBe(7);
        await Eventually.TrueAsync(
            async () =>
            {
                await board.SetAsync("adam", 7, Cancel);
                var top = await board.TopAsync(0, 2, null, Cancel);
                await board.SetAsync("adam", 0, Cancel);
                return top[0].Member == "zoe"; // a step of a day is 0.08 s: until then the name decides
            },
            "The later one still stands higher.");
        (await board.AddAsync("zoe", 0, Cancel)).ShouldBe(7);
        (await board.AddAsync("adam", -12, Cancel)).ShouldBe(-12);
        (await board.TopAsync(0, 10, null, Cancel)).ShouldBe([new BoardEntry(1, "zoe", 7), new BoardEntry(2, "adam", -12)]);
        (await board.RemoveAsync("adam", Cancel)).ShouldBeTrue();
        (await board.RemoveAsync("adam", Cancel)).ShouldBeFalse();
        (await board.SetAndReadAsync("big", 1L << 32)).ShouldBe(1L << 32);
        (await board.SetAndReadAsync("big", -(1L << 32))).ShouldBe(-(1L << 32));
        (await board.SetAndReadAsync("big", long.MaxValue)).ShouldBe(1L << 32);
    }

    [Theory]
    [InlineData(BoardPeriod.Day, "2026-01-01", "2026-01-02")]
    [InlineData(BoardPeriod.Week, "2025-12-29", "2026-01-05")]
    [InlineData(BoardPeriod.Month, "2026-01-01", "2026-02-01")]
    public async Task A_period_ends_and_stays_readable_for_a_while(BoardPeriod period, string begin, string end)
    {
        var span = BoardSpan.At(period, NewYear.AddHours(5));
        (span.Begin.ToString("yyyy-MM-dd"), span.End.ToString("yyyy-MM-dd")).ShouldBe((begin, end));
        var board = Make("period-" + period, period);
        await board.AddAsync("a", 5, Cancel);
        var before = _time.GetUtcNow();

        _time.Advance(span.End - before);

        (await board.CountAsync(null, Cancel)).ShouldBe(0);
        (await board.AddAsync("a", 1, Cancel)).ShouldBe(1);
        (await board.TopAsync(0, 1, before, Cancel)).ShouldBe([new BoardEntry(1, "a", 5)]);
        var lifetime = TimeSpan.FromMilliseconds(await fixture.Redis.TimeToLiveAsync($"board:{{period-{period}:{span.Id}}}", Cancel));
        (lifetime - (span.End - before) - TimeSpan.FromDays(35)).ShouldBeInRange(TimeSpan.FromSeconds(-30), TimeSpan.Zero);
    }

    [Fact]
    public async Task A_board_is_bounded_and_forgets_the_worst()
    {
        var board = Make("small", BoardPeriod.None, membersMax: 10);
        for (var i = 0; i < 30; i++) await board.SetAsync($"u{i}", i, Cancel);
        (await board.CountAsync(null, Cancel)).ShouldBe(10);
        (await board.TopAsync(9, 1, null, Cancel)).ShouldBe([new BoardEntry(10, "u20", 20)]);
        await board.RebuildAsync(Enumerable.Range(0, 2_000).Select(i => new BoardRecord($"v{i}", i, NewYear)).ToAsyncEnumerable(), null, Cancel);
        (await board.TopAsync(0, 20, null, Cancel)).Select(entry => entry.Score).ShouldBe(Enumerable.Range(1_990, 10).Reverse().Select(score => (long)score));
    }

    [Fact]
    public async Task A_rebuild_is_seen_whole_and_changes_meanwhile_survive_it()
    {
        var board = Make("rebuilt", BoardPeriod.None);
        await board.SetAsync("stale", 99, Cancel);
        await board.SetAsync("late", 1, Cancel);

        async IAsyncEnumerable<BoardRecord> Source()
        {
            for (var i = 0; i < 1_200; i++)
            {
                if (i == 1_100)
                {
                    (await board.TopAsync(0, 5, null, Cancel)).Select(entry => entry.Member).ShouldBe(["stale", "late"]);
                    await board.SetAsync("late", 50, Cancel);
                    await board.AddAsync("u7", 5, Cancel); // was read before
                    await board.AddAsync("u1150", 5, Cancel); // is about to be read: the source has it
                }
                yield return new BoardRecord($"u{i}", i == 1_150 ? 5 : 0, NewYear);
            }
            yield return new BoardRecord("late", 1, NewYear);
        }

        await board.RebuildAsync(Source(), null, Cancel);

        var top = await board.TopAsync(0, 4, null, Cancel);
        top.Select(entry => (entry.Member, entry.Score)).OrderByDescending(entry => entry.Score).ThenBy(entry => entry.Member, StringComparer.Ordinal).Take(3)
            .ShouldBe([("late", 50L), ("u1150", 5L), ("u7", 5L)]);
        (await board.CountAsync(null, Cancel)).ShouldBe(1_201);
        (await fixture.Redis.TimeToLiveAsync("board:{rebuilt:all}", Cancel)).ShouldBeGreaterThan(0);
        (await fixture.Redis.ExistsAsync("board:{rebuilt:all}:rebuild", Cancel)).ShouldBeFalse();

        await board.RebuildAsync(AsyncEnumerable.Empty<BoardRecord>(), null, Cancel);
        (await board.CountAsync(null, Cancel)).ShouldBe(0);
    }

    [Fact]
    public async Task A_second_rebuild_replaces_the_first()
    {
        var board = Make("twice", BoardPeriod.None);
        async IAsyncEnumerable<BoardRecord> First()
        {
            yield return new BoardRecord("first", 1, NewYear);
            await board.RebuildAsync(new[] { new BoardRecord("second", 2, NewYear) }.ToAsyncEnumerable(), null, Cancel);
        }

        (await Should.ThrowAsync<ResilienceException>(board.RebuildAsync(First(), null, Cancel))).Kind.ShouldBe(ResilienceFault.LeaseLost);

        (await board.TopAsync(0, 5, null, Cancel)).ShouldBe([new BoardEntry(1, "second", 2)]);
    }

    [Fact]
    public void The_time_of_a_score_is_exact_at_both_ends_of_the_range()
    {
        foreach (var score in new[] { 0, 1, -1, BoardScore.ScoreMax, -BoardScore.ScoreMax, 123_456_789 })
        {
            foreach (var left in new long[] { 0, 1, BoardScore.Steps - 1 })
            {
                BoardScore.ScoreOf(BoardScore.Compose(score, left)).ShouldBe(score);
                (BoardScore.Compose(score, left) - BoardScore.Compose(score, 0)).ShouldBe(left);
            }
        }
    }

    private Leaderboard Make(string name, BoardPeriod period, int membersMax = 1_000_000) =>
        new(new LeaderboardOptions { Name = name, Period = period, MembersMax = membersMax }, fixture.Redis, _time, Entropy.System);
}

internal static class LeaderboardProbe
{
    public static async Task<long> SetAndReadAsync(this Leaderboard board, string member, long score)
    {
        await board.SetAsync(member, score, TestContext.Current.CancellationToken);
        return (await board.FindAsync(member, null, TestContext.Current.CancellationToken))!.Value.Score;
    }
}
