using System.Text;
using Shouldly;
using SkyRiff.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>The typed surface against a real server.</summary>
[Collection(nameof(RedisServerFixture))]
public sealed class CommandTests(RedisServerFixture fixture)
{
    private readonly RedisClient _redis = fixture.Redis;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_is_read_back_as_lease_as_text_and_into_memory()
    {
        var key = fixture.Key();
        await _redis.SetAsync(key, "grüße"u8.ToArray(), null, Cancellation);

        using var value = await _redis.GetAsync(key, Cancellation);
        value.GetString().ShouldBe("grüße");

        var memory = new byte[4];
        (await _redis.GetAsync(key, memory, Cancellation)).ShouldBe(7, "the whole length is told also when less fits");
        Encoding.UTF8.GetString(memory).ShouldBe("grü");
        (await _redis.GetAsync(Encoding.UTF8.GetBytes(key), memory, Cancellation)).ShouldBe(7);
        using var part = await _redis.GetRangeAsync(key, 0, 1, Cancellation);
        part.GetString().ShouldBe("gr");
    }

    [Fact]
    public async Task What_is_absent_is_null_and_what_is_empty_is_not()
    {
        var key = fixture.Key();
        (await _redis.GetAsync(key, Cancellation)).IsNull.ShouldBeTrue();
        (await _redis.GetAsync(key, new byte[1], Cancellation)).ShouldBe(-1);
        await _redis.SetAsync(key, Array.Empty<byte>(), null, Cancellation);
        using var empty = await _redis.GetAsync(key, Cancellation);
        empty.IsNull.ShouldBeFalse();
        empty.Length.ShouldBe(0);
    }

    [Fact]
    public async Task A_lease_that_was_disposed_cannot_be_read_and_a_second_dispose_is_harmless()
    {
        var key = fixture.Key();
        await _redis.SetAsync(key, "first", null, Cancellation);
        var stale = await _redis.GetAsync(key, Cancellation);
        stale.Dispose();
        using var fresh = await _redis.GetAsync(key, Cancellation);
        stale.Dispose();
        Should.Throw<ObjectDisposedException>(() => stale.Length);
        fresh.GetString().ShouldBe("first");
    }

    [Fact]
    public async Task Conditions_and_lifetimes_of_SET_hold()
    {
        var key = fixture.Key();
        (await _redis.TrySetAsync(key, 1, null, SetWhen.Present, Cancellation)).ShouldBeFalse();
        (await _redis.TrySetAsync(key, 1, TimeSpan.FromMinutes(1), SetWhen.Absent, Cancellation)).ShouldBeTrue();
        (await _redis.TrySetAsync(key, 2, null, SetWhen.Absent, Cancellation)).ShouldBeFalse();
        (await _redis.TimeToLiveAsync(key, Cancellation)).ShouldBeInRange(50_000, 60_000);
        await _redis.SetAsync(key, 3, null, Cancellation);
        (await _redis.TimeToLiveAsync(key, Cancellation)).ShouldBe(-1);
        (await _redis.ExpireAsync(key, TimeSpan.FromSeconds(90), Cancellation)).ShouldBeTrue();
        (await _redis.TimeToLiveAsync(key, Cancellation)).ShouldBeGreaterThan(60_000);
        (await _redis.IncrementAsync(key, 39, Cancellation)).ShouldBe(42);
        (await _redis.ExistsAsync(key, Cancellation)).ShouldBeTrue();
        (await _redis.DeleteAsync(key, Cancellation)).ShouldBeTrue();
        (await _redis.DeleteAsync(key, Cancellation)).ShouldBeFalse();
        (await _redis.TimeToLiveAsync(key, Cancellation)).ShouldBe(-2);
    }

    [Fact]
    public async Task A_refusal_carries_the_servers_code_and_the_connection_goes_on()
    {
        var key = fixture.Key();
        await _redis.SetAsync(key, "text", null, Cancellation);
        var refusal = await Should.ThrowAsync<RedisException>(async () => await _redis.SetAddAsync(key, ["a"], Cancellation));
        refusal.Kind.ShouldBe(RedisErrorKind.Refused);
        refusal.Code.ShouldBe("WRONGTYPE");
        await _redis.PingAsync(Cancellation);
    }

    [Fact]
    public async Task Hashes_sets_and_sorted_sets_answer_what_they_hold()
    {
        var hash = fixture.Key("hash");
        (await _redis.HashSetAsync(hash, ["a", 1, "b", "two"], Cancellation)).ShouldBe(2);
        (await _redis.HashIncrementAsync(hash, "a", 4, Cancellation)).ShouldBe(5);
        using (var b = await _redis.HashGetAsync(hash, "b", Cancellation))
            b.GetString().ShouldBe("two");
        using (var many = await _redis.HashGetManyAsync(hash, ["b", "missing", "a"], Cancellation))
            Texts(many).ShouldBe(["two", null, "5"]);
        using (var all = await _redis.HashGetAllAsync(hash, Cancellation))
            Texts(all).ShouldBe(["a", "5", "b", "two"]);
        (await _redis.HashDeleteAsync(hash, ["a", "missing"], Cancellation)).ShouldBe(1);

        var set = fixture.Key("set");
        (await _redis.SetAddAsync(set, ["x", "y", "x"], Cancellation)).ShouldBe(2);
        (await _redis.SetContainsAsync(set, "x", Cancellation)).ShouldBeTrue();
        (await _redis.SetContainsAsync(set, "z", Cancellation)).ShouldBeFalse();
        (await _redis.SetCountAsync(set, Cancellation)).ShouldBe(2);
        using (var members = await _redis.SetMembersAsync(set, Cancellation))
            Texts(members).Order().ShouldBe(["x", "y"]);
        (await _redis.SetRemoveAsync(set, ["x"], Cancellation)).ShouldBe(1);

        var board = fixture.Key("board");
        (await _redis.SortedSetAddManyAsync(board, [10, "ann", 30, "bob", 20, "cyd"], Cancellation)).ShouldBe(3);
        (await _redis.SortedSetAddAsync(board, 0.5, "dan", Cancellation)).ShouldBeTrue();
        (await _redis.SortedSetIncrementAsync(board, 25, "ann", Cancellation)).ShouldBe(35);
        (await _redis.SortedSetScoreAsync(board, "dan", Cancellation)).ShouldBe(0.5);
        (await _redis.SortedSetScoreAsync(board, "nobody", Cancellation)).ShouldBeNull();
        (await _redis.SortedSetRankAsync(board, "ann", descending: true, Cancellation)).ShouldBe(0);
        (await _redis.SortedSetRankAsync(board, "nobody", descending: false, Cancellation)).ShouldBeNull();
        (await _redis.SortedSetCountAsync(board, Cancellation)).ShouldBe(4);
        (await _redis.SortedSetCountByScoreAsync(board, 1, double.PositiveInfinity, Cancellation)).ShouldBe(3);
        using (var top = await _redis.SortedSetRangeAsync(board, 0, 1, descending: true, withScores: true, Cancellation))
            Scores(top).ShouldBe([("ann", 35), ("bob", 30)]);
        using (var middle = await _redis.SortedSetRangeByScoreAsync(board, 0, 31, descending: true, 1, 5, withScores: true, Cancellation))
            Scores(middle).ShouldBe([("cyd", 20), ("dan", 0.5)]);
        (await _redis.SortedSetRemoveByScoreAsync(board, 0, 1, Cancellation)).ShouldBe(1);
        (await _redis.SortedSetRemoveByRankAsync(board, 0, 0, Cancellation)).ShouldBe(1);
        (await _redis.SortedSetRemoveAsync(board, ["ann", "bob"], Cancellation)).ShouldBe(2);
    }

    [Fact]
    public async Task Scores_read_the_same_over_RESP2()
    {
        await using var old = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = fixture.Options.Endpoints, OnlyResp2 = true }, Cancellation);
        var board = fixture.Key("board");
        await old.SortedSetAddManyAsync(board, [1.5, "a", double.PositiveInfinity, "b"], Cancellation);
        using var all = await old.SortedSetRangeAsync(board, 0, -1, descending: false, withScores: true, Cancellation);
        Scores(all).ShouldBe([("a", 1.5), ("b", double.PositiveInfinity)]);
        (await old.SortedSetScoreAsync(board, "a", Cancellation)).ShouldBe(1.5);
        (await old.SortedSetScoreAsync(board, "z", Cancellation)).ShouldBeNull();
    }

    [Fact]
    public async Task Many_keys_are_read_written_counted_and_removed_in_order()
    {
        var keys = Enumerable.Range(0, 100).Select(i => (RedisArg)fixture.Key($"many{i}")).ToArray();
        var pairs = keys.SelectMany((key, i) => new[] { key, (RedisArg)i }).ToArray();
        await _redis.SetManyAsync(pairs.AsMemory(0, 150), Cancellation);

        var values = new RedisValue[100];
        await _redis.GetManyAsync(keys, values, Cancellation);
        values.Select(v => v.GetString()).ShouldBe(Enumerable.Range(0, 100).Select(i => i < 75 ? i.ToString() : null));
        foreach (var value in values)
            value.Dispose();

        (await _redis.CountExistingAsync(keys, Cancellation)).ShouldBe(75);
        (await _redis.DeleteManyAsync(keys, Cancellation)).ShouldBe(75);
    }

    [Fact]
    public async Task Scripts_run_by_hash_and_survive_a_flush_of_the_servers_memory()
    {
        var script = new RedisScript("redis.call('SET', KEYS[1], ARGV[1]); return {1, redis.call('GET', KEYS[1]), false}");
        for (var round = 0; round < 2; round++)
        {
            using var reply = await _redis.EvaluateAsync(script, [fixture.Key()], ["v"], Cancellation);
            Texts(reply).ShouldBe(["1", "v", null]);
            using var flushed = await _redis.CallAsync(["SCRIPT", "FLUSH"], -1, Cancellation);
        }
    }

    [Fact]
    public async Task Scans_see_everything_that_stays()
    {
        var prefix = fixture.Key("scan");
        for (var i = 0; i < 50; i++)
            await _redis.SetAsync($"{prefix}:{i}", i, null, Cancellation);
        var seen = new HashSet<string>();
        await foreach (var key in _redis.ScanKeysAsync(prefix + ":*", 7, Cancellation))
        {
            using (key)
                seen.Add(key.GetString()!);
        }

        seen.Count.ShouldBe(50);

        var set = fixture.Key("set");
        await _redis.SetAddAsync(set, [.. Enumerable.Range(0, 1000).Select(i => (RedisArg)$"member number {i} with a long name so that it is no compact list")], Cancellation);
        var members = new HashSet<string>();
        await foreach (var member in _redis.ScanSetAsync(set, 100, Cancellation))
        {
            using (member)
                members.Add(member.GetString()!);
        }

        members.Count.ShouldBe(1000);
    }

    [Fact]
    public async Task Values_of_every_size_up_to_a_large_one_come_back_whole_while_others_are_served()
    {
        var random = new Random(7);
        int[] sizes = [1, 100, 32 * 1024 - 1, 32 * 1024, 65_530, 65_536, 100_000, 256 * 1024 - 1, 256 * 1024, 1 << 20, 5 * (1 << 20) + 1];
        var work = sizes.Select(async size =>
        {
            var key = fixture.Key($"size{size}");
            var written = new byte[size];
            lock (random)
                random.NextBytes(written);
            await _redis.SetAsync(key, written, TimeSpan.FromMinutes(5), Cancellation);
            using var leased = await _redis.GetAsync(key, Cancellation);
            leased.Span.SequenceEqual(written).ShouldBeTrue($"{size} as a lease");
            var memory = new byte[size];
            (await _redis.GetAsync(key, memory, Cancellation)).ShouldBe(size);
            memory.AsSpan().SequenceEqual(written).ShouldBeTrue($"{size} into memory");
            using var whole = await _redis.CallAsync(["GET", key], Cancellation);
            whole.Root.Bytes.SequenceEqual(written).ShouldBeTrue($"{size} as a raw reply");
        });
        await Task.WhenAll(work);
    }

    [Fact]
    public async Task A_thousand_callers_each_get_their_own_values()
    {
        var prefix = fixture.Key("own");
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(async caller =>
        {
            var key = $"{prefix}:{caller}";
            for (var round = 0; round < 20; round++)
            {
                await _redis.SetAsync(key, (caller * 1000) + round, null, Cancellation);
                using var value = await _redis.GetAsync(key, Cancellation);
                value.GetString().ShouldBe($"{(caller * 1000) + round}");
            }
        }));
    }

    private static List<string?> Texts(RedisReply reply)
    {
        var texts = new List<string?>();
        foreach (var element in reply.Root)
            texts.Add(element.IsNull ? null : element.GetString());
        return texts;
    }

    private static List<(string, double)> Scores(RedisReply reply)
    {
        var scores = new List<(string, double)>();
        var reader = new RedisSortedSetReader(reply.Root);
        while (reader.MoveNext())
            scores.Add((Encoding.UTF8.GetString(reader.Member), reader.Score));
        return scores;
    }
}
