using System.Globalization;
using System.Text;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Caching.Payloads;
using SkyRiff.Caching.Shared;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>Redis away, back, and cut off: slower, never wrong for longer than the bound.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private static readonly CacheOptions Quick = new() { RedisTimeLimit = TimeSpan.FromMilliseconds(500), RedisPause = TimeSpan.FromMilliseconds(20) };

    private readonly ClipSource _source = new() { [1] = new Clip(1, "old"), [2] = new Clip(2, "two") };
    private RedisServerProcess _server = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await RedisServerProcess.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task With_no_Redis_to_be_found_memory_and_source_answer_and_memory_believes_itself_briefly()
    {
        var time = new FakeTime();
        await using var process = CacheProcess.Start("/nowhere/redis.sock", time, new CacheOptions { RedisTimeLimit = TimeSpan.FromMilliseconds(20), RedisFailuresMax = 2, RedisPause = TimeSpan.FromSeconds(30) });
        var clips = process.Cache.Family(_source.Options());
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        _source.Loads.Count.ShouldBe(1);

        // Another process may have written, and nobody can tell.
        _source[1] = new Clip(1, "new");
        time.Advance(TimeSpan.FromSeconds(1.1));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        process.Cache.IsWithoutRedis.ShouldBeTrue("two look-ups failed");
        await clips.SetAsync(1, new Clip(1, "newer"), Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("newer");
    }

    [Fact]
    public async Task Redis_dies_and_comes_back_and_the_cache_goes_on_and_recovers_by_itself()
    {
        await using var one = await CacheProcess.StartAsync(_server, options: Quick);
        await using var two = await CacheProcess.StartAsync(_server, options: Quick);
        var (here, there) = (one.Cache.Family(_source.Options()), two.Cache.Family(_source.Options()));
        await here.GetAsync(1, Cancellation);
        await there.GetAsync(1, Cancellation);

        _server.Kill();
        await Eventually.TrueAsync(() => !one.Cache.IsAttached && !two.Cache.IsAttached, "the loss is noticed");
        await here.SetAsync(1, new Clip(1, "new"), Cancellation);
        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the other process serves the new value while Redis is away");

        await _server.RestartAsync();
        await Eventually.TrueAsync(() => one.Cache.IsAttached && two.Cache.IsAttached, "invalidations are heard again");
        await Eventually.TrueAsync(() => one.Cache.Core.Owed.IsEmpty, "what was owed is paid");
        await Eventually.TrueAsync(async () =>
        {
            await there.GetAsync(1, Cancellation);
            using var stored = await two.Redis.GetAsync("cache:v:clips:1", Cancellation);
            return !stored.IsNull && stored.Span[1] == (byte)EnvelopeKind.Value;
        }, "values are in Redis again");
        await here.SetAsync(1, new Clip(1, "newest"), Cancellation);
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "newest", "writes are heard of again");
    }

    [Fact]
    public async Task An_invalidation_that_was_lost_with_the_connection_is_not_missed()
    {
        await using var one = await CacheProcess.StartAsync(_server, options: Quick);
        await using var two = await CacheProcess.StartAsync(_server, options: Quick);
        var (here, there) = (one.Cache.Family(_source.Options()), two.Cache.Family(_source.Options()));
        for (var round = 0; round < 10; round++)
        {
            await Eventually.TrueAsync(() => two.Cache.IsAttached, "invalidations are heard");
            await Eventually.TrueAsync(async () =>
            {
                await there.GetAsync(1, Cancellation);
                var hits = there.Statistics().LocalHits;
                await there.GetAsync(1, Cancellation);
                return there.Statistics().LocalHits == hits + 1;
            }, "it is served from memory");

            // In one packet: the connections that are told die, and the value is invalidated.
            var kills = (await TrackingIdsAsync(one.Redis)).Select(id => one.Redis.CallAsync(["CLIENT", "KILL", "ID", id], -1, Cancellation));
            _source[1] = new Clip(1, $"round {round}");
            var pending = new List<Task>();
            using (one.Redis.Pipeline())
            {
                pending.AddRange(kills.Select(kill => kill.AsTask()));
                pending.Add(here.RemoveAsync(1, Cancellation).AsTask());
            }

            await Task.WhenAll(pending);
            await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == $"round {round}", "the new value is served");
        }
    }

    [Fact]
    public async Task What_Redis_could_not_be_told_is_told_later_and_not_believed_until_then()
    {
        var time = new FakeTime(); // nothing is paid before it is moved
        await using var one = await CacheProcess.StartAsync(_server, time, Quick);
        var clips = one.Cache.Family(_source.Options());
        await clips.GetAsync(1, Cancellation);
        var kept = await KeptAsync(one);

        _server.Kill();
        await Eventually.TrueAsync(() => !one.Cache.IsAttached, "the loss is noticed");
        _source[1] = new Clip(1, "new");
        await clips.RemoveAsync(1, Cancellation);
        one.Cache.Core.Owed.IsEmpty.ShouldBeFalse();

        // A Redis that kept its data comes back with the old value.
        await _server.RestartAsync();
        await using var raw = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(_server.SocketPath)] }, Cancellation);
        foreach (var (key, value) in kept)
            await raw.SetAsync(key, value, TimeSpan.FromMinutes(5), Cancellation);
        var other = 100;
        await Eventually.TrueAsync(async () =>
        {
            time.Advance(Quick.RedisPause);
            await clips.GetAsync(++other, Cancellation);
            return await raw.ExistsAsync($"cache:v:clips:{other}", Cancellation);
        }, "Redis is used again");
        one.Cache.Core.Owed.IsEmpty.ShouldBeFalse();
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");

        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return one.Cache.Core.Owed.IsEmpty;
        }, "what was owed is paid");
        await using var two = await CacheProcess.StartAsync(_server, options: Quick);
        (await two.Cache.Family(_source.Options()).GetAsync(1, Cancellation))!.Title.ShouldBe("new");
    }

    [Fact]
    public async Task When_too_much_is_owed_nothing_of_Redis_is_believed_and_everything_is_cleared()
    {
        var time = new FakeTime(); // nothing is paid before it is moved
        var options = new CacheOptions { RedisTimeLimit = Quick.RedisTimeLimit, RedisPause = Quick.RedisPause, OwedInvalidationsMax = 1 };
        await using var one = await CacheProcess.StartAsync(_server, time, options);
        var clips = one.Cache.Family(_source.Options());
        await clips.GetAsync(1, Cancellation);
        var kept = await KeptAsync(one);
        _server.Kill();
        await Eventually.TrueAsync(() => !one.Cache.IsAttached, "the loss is noticed");
        _source[1] = new Clip(1, "new");
        await clips.RemoveAsync(2, Cancellation);
        await clips.RemoveAsync(3, Cancellation);
        await clips.RemoveAsync(1, Cancellation);
        one.Cache.Core.Owed.Keys().Length.ShouldBe(1);
        one.Cache.Core.Owed.HasOverflowed.ShouldBeTrue();

        await _server.RestartAsync();
        await using var raw = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(_server.SocketPath)] }, Cancellation);
        foreach (var (key, value) in kept)
            await raw.SetAsync(key, value, TimeSpan.FromMinutes(5), Cancellation);
        var other = 100;
        await Eventually.TrueAsync(async () =>
        {
            time.Advance(Quick.RedisPause);
            await clips.RemoveAsync(++other, Cancellation);
            return await raw.ExistsAsync($"cache:v:clips:{other}", Cancellation);
        }, "Redis is used again");
        one.Cache.Core.Owed.HasOverflowed.ShouldBeTrue();
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");

        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return one.Cache.Core.Owed.IsEmpty;
        }, "what was owed is paid");
        using var cleared = await raw.GetAsync("cache:{tags}:f:clips", Cancellation);
        cleared.IsNull.ShouldBeFalse();
    }

    [Fact]
    public async Task What_Redis_keeps_past_its_limit_does_not_serve_when_the_source_fails()
    {
        var time = new FakeTime(); // which Redis does not share: it keeps what is dead by it
        await using var one = await CacheProcess.StartAsync(_server, time, Quick);
        var clips = one.Cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = _source.LoadAsync, Payload = ClipSource.Payload, Jitter = 0, Lifetime = TimeSpan.FromSeconds(10), StaleIfErrorMax = TimeSpan.FromSeconds(20) });
        await clips.GetAsync(1, Cancellation);
        _source.Failure = new InvalidOperationException("down");
        time.Advance(TimeSpan.FromSeconds(29));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        time.Advance(TimeSpan.FromSeconds(2));
        (await one.Redis.ExistsAsync("cache:v:clips:1", Cancellation)).ShouldBeTrue();
        await Should.ThrowAsync<InvalidOperationException>(async () => await clips.GetAsync(1, Cancellation));
    }

    [Fact]
    public async Task A_tag_that_was_invalidated_without_Redis_is_told_later()
    {
        CacheFamilyOptions<long, Clip> Options() => new() { Name = "clips", Load = _source.LoadAsync, Payload = ClipSource.Payload, Tags = (_, _) => ["all"] };
        await using var one = await CacheProcess.StartAsync(_server, options: Quick);
        var clips = one.Cache.Family(Options());
        await clips.GetAsync(1, Cancellation);
        _server.Kill();
        await Eventually.TrueAsync(() => !one.Cache.IsAttached, "the loss is noticed");
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        _source[1] = new Clip(1, "new");
        await one.Cache.InvalidateTagAsync("all", Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new", "this process knows at once");

        await _server.RestartAsync();
        await Eventually.TrueAsync(() => one.Cache.Core.Owed.IsEmpty, "what was owed is paid");
        using var told = await one.Redis.GetAsync("cache:{tags}:u:all", Cancellation);
        told.IsNull.ShouldBeFalse();
    }

    [Fact]
    public async Task The_tag_board_lost_makes_all_before_it_too_old()
    {
        await using var one = await CacheProcess.StartAsync(_server, options: Quick);
        var clips = one.Cache.Family(_source.Options());
        await clips.GetAsync(1, Cancellation);
        _source[1] = new Clip(1, "new");
        await one.Redis.DeleteManyAsync(new RedisArg[] { "cache:{tags}:birth", "cache:{tags}:clock" }, Cancellation);
        await Eventually.TrueAsync(async () => (await clips.GetAsync(1, Cancellation))!.Title == "new", "what may have been invalidated by a lost tag is read again");
    }

    [Fact]
    public void A_breaker_lets_one_through_after_its_pause_and_all_after_a_success()
    {
        var time = new FakeTime();
        var breaker = new RedisBreaker(failuresMax: 2, TimeSpan.FromSeconds(1), time);
        breaker.Failed();
        breaker.TryEnter().ShouldBeTrue();
        breaker.Failed();
        breaker.TryEnter().ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(1));
        breaker.TryEnter().ShouldBeTrue();
        breaker.TryEnter().ShouldBeFalse("one tries");
        breaker.Failed();
        time.Advance(TimeSpan.FromSeconds(0.9));
        breaker.TryEnter().ShouldBeFalse("the pause began anew");
        time.Advance(TimeSpan.FromSeconds(0.1));
        breaker.TryEnter().ShouldBeTrue();
        breaker.Succeeded();
        breaker.TryEnter().ShouldBeTrue();
        breaker.TryEnter().ShouldBeTrue();
    }

    internal static async Task<IEnumerable<long>> TrackingIdsAsync(RedisClient redis)
    {
        using var list = await redis.CallAsync(["CLIENT", "LIST"], -1, Cancellation);
        return [.. Encoding.UTF8.GetString(list.Root.Bytes).Split('\n').Where(line => line.Split(' ').Any(part => part.StartsWith("flags=", StringComparison.Ordinal) && part.Contains('t', StringComparison.Ordinal)))
            .Select(line => long.Parse(line.Split(' ')[0]["id=".Length..], CultureInfo.InvariantCulture))];
    }

    /// <summary>What a Redis that loses nothing has again when it comes back: the value, and the board by which it is not too old.</summary>
    private static async Task<IReadOnlyList<(string Key, byte[] Value)>> KeptAsync(CacheProcess process)
    {
        var kept = new List<(string Key, byte[] Value)>();
        foreach (var key in new[] { "cache:{tags}:birth", "cache:v:clips:1" })
        {
            using var value = await process.Redis.GetAsync(key, Cancellation);
            kept.Add((key, value.ToArray()!));
        }

        return kept;
    }
}
