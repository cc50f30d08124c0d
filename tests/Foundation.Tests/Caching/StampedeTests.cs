using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Foundation.Tests.Redis;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>Many ask, one loads.</summary>
[Collection(nameof(RedisServerFixture))]
public sealed class StampedeTests(RedisServerFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_thousand_concurrent_callers_of_one_cold_key_make_one_load()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters"), Hold = new TaskCompletionSource() };
        await using var process = await CacheProcess.StartAsync(fixture.Server, prefix: "s1");
        var clips = process.Cache.Family(source.Options());
        var callers = Enumerable.Range(0, 10_000).Select(_ => Task.Run(() => clips.GetAsync(1, Cancellation).AsTask(), Cancellation)).ToList();
        await Eventually.TrueAsync(() => clips.Statistics().Misses == callers.Count, "all of them miss while one loads");
        source.Hold.SetResult();
        (await Task.WhenAll(callers)).ShouldAllBe(clip => clip!.Title == "Otters");
        source.Loads.Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_memory_does_not_keep_is_taken_from_Redis_and_not_loaded_again()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters") };
        await using var process = await CacheProcess.StartAsync(fixture.Server, prefix: "s0");
        var clips = process.Cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Weigh = _ => 1 << 30 });
        for (var i = 0; i < 10; i++)
            (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("Otters");
        source.Loads.Count.ShouldBe(1);
        clips.Statistics().LocalEntries.ShouldBe(0);
    }

    [Fact]
    public async Task A_load_survives_its_first_caller_while_others_wait()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters"), Hold = new TaskCompletionSource() };
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(source.Options());
        using var leaving = new CancellationTokenSource();
        var first = clips.GetAsync(1, leaving.Token).AsTask();
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "it loads");
        var second = clips.GetAsync(1, Cancellation).AsTask();
        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => first);
        source.Hold.SetResult();
        (await second)!.Title.ShouldBe("Otters");
        source.Loads.Count.ShouldBe(1);
    }

    [Fact]
    public async Task When_all_callers_have_left_the_load_is_told()
    {
        var (began, told) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(new CacheFamilyOptions<long, Clip>
        {
            Name = "clips",
            Payload = ClipSource.Payload,
            Load = async (_, token) =>
            {
                await using var registration = token.Register(told.SetResult);
                began.SetResult();
                await told.Task;
                token.ThrowIfCancellationRequested();
                return new Dictionary<long, Clip>();
            },
        });
        using var leaving = new CancellationTokenSource();
        var (one, two) = (clips.GetAsync(1, leaving.Token).AsTask(), clips.GetManyAsync([1, 1], leaving.Token).AsTask());
        await began.Task.WaitAsync(Cancellation);
        told.Task.IsCompleted.ShouldBeFalse();
        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => one);
        await Should.ThrowAsync<OperationCanceledException>(() => two);
        await told.Task.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task A_failure_is_everybodys_who_waits_and_nobodys_after()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters"), Hold = new TaskCompletionSource(), Failure = new InvalidOperationException("down") };
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(source.Options());
        var (one, two) = (clips.GetAsync(1, Cancellation).AsTask(), clips.GetAsync(1, Cancellation).AsTask());
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "it loads");
        source.Hold.SetResult();
        (await Should.ThrowAsync<InvalidOperationException>(() => one)).Message.ShouldBe("down");
        await Should.ThrowAsync<InvalidOperationException>(() => two);
        source.Loads.Count.ShouldBe(1);

        source.Failure = null;
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("Otters");
    }

    [Fact]
    public async Task An_expensive_key_is_loaded_once_in_the_cluster()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters"), Hold = new TaskCompletionSource() };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "s2");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "s2");
        var (here, there) = (one.Cache.Family(Expensive(source, TimeSpan.FromSeconds(60))), two.Cache.Family(Expensive(source, TimeSpan.FromSeconds(60))));
        var callers = Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? here : there).GetAsync(1, Cancellation).AsTask()).ToList();
        await Eventually.TrueAsync(() => here.Statistics().ClusterWaits + there.Statistics().ClusterWaits > 0, "one of them waits for the other");
        source.Hold.SetResult();
        (await Task.WhenAll(callers)).ShouldAllBe(clip => clip!.Title == "Otters");
        source.Loads.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_process_that_died_with_the_lease_holds_nobody_up_for_long()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters") };
        await using var process = await CacheProcess.StartAsync(fixture.Server, prefix: "s3");
        var clips = process.Cache.Family(Expensive(source, TimeSpan.FromMilliseconds(120)));
        await fixture.Redis.SetAsync("s3-lease:v:clips:1", "somebody", TimeSpan.FromHours(1), Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("Otters");
        clips.Statistics().ClusterWaits.ShouldBeGreaterThan(0);
        using var lease = await fixture.Redis.GetAsync("s3-lease:v:clips:1", Cancellation);
        lease.GetString().ShouldBe("somebody", "nobody gives back what another has");
    }

    [Fact]
    public async Task A_holder_that_was_paused_past_its_lease_changes_nothing()
    {
        var source = new ClipSource { [1] = new Clip(1, "old"), Hold = new TaskCompletionSource() };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "s4");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "s4");
        var (here, there) = (one.Cache.Family(Expensive(source, TimeSpan.FromSeconds(60))), two.Cache.Family(Expensive(source, TimeSpan.FromSeconds(60))));
        var paused = here.GetAsync(1, Cancellation).AsTask();
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "the first one loads");

        await fixture.Redis.DeleteAsync("s4-lease:v:clips:1", Cancellation);
        var hold = source.Hold;
        source.Hold = null;
        source[1] = new Clip(1, "new");
        (await there.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        hold.SetResult();
        (await paused)!.Title.ShouldBe("old");

        here.Statistics().Fenced.ShouldBe(1);
        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
    }

    [Fact]
    public async Task While_Redis_cannot_be_asked_expensive_keys_are_loaded_all_the_same()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters") };
        await using var process = CacheProcess.Start("/nowhere/redis.sock", null, new CacheOptions { RedisTimeLimit = TimeSpan.FromMilliseconds(20) });
        (await process.Cache.Family(Expensive(source, TimeSpan.FromSeconds(5))).GetAsync(1, Cancellation))!.Title.ShouldBe("Otters");
    }

    [Fact]
    public async Task Loads_are_bounded_in_number_and_in_line_and_the_rest_is_refused()
    {
        var source = new ClipSource { [1] = new Clip(1, "1"), [2] = new Clip(2, "2"), Hold = new TaskCompletionSource() };
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, LoadsMax = 1, LoadsWaitingMax = 1 });
        var (runs, waits) = (clips.GetAsync(1, Cancellation).AsTask(), clips.GetAsync(2, Cancellation).AsTask());
        (await Should.ThrowAsync<CacheException>(async () => await clips.GetAsync(3, Cancellation))).Kind.ShouldBe(CacheFault.LoadsRefused);
        source.Loads.Count.ShouldBe(1);
        source.Hold.SetResult();
        (await runs)!.Title.ShouldBe("1");
        (await waits)!.Title.ShouldBe("2");
        clips.Statistics().LoadsRefused.ShouldBe(1);
        (await clips.GetAsync(3, Cancellation)).ShouldBeNull("there is room again");
    }

    [Fact]
    public async Task A_load_that_takes_too_long_is_given_up_and_keeps_its_place_until_it_is_done()
    {
        var time = new FakeTime();
        var (began, done) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var cache = CacheProcess.Alone(time);
        var clips = cache.Family(new CacheFamilyOptions<long, Clip>
        {
            Name = "clips",
            Payload = ClipSource.Payload,
            LoadDurationMax = TimeSpan.FromSeconds(3),
            LoadsMax = 1,
            LoadsWaitingMax = 0,
            Load = async (_, _) =>
            {
                began.TrySetResult();
                await done.Task; // deaf to its token
                return new Dictionary<long, Clip> { [1] = new(1, "late") };
            },
        });
        var asked = clips.GetAsync(1, Cancellation).AsTask();
        await began.Task.WaitAsync(Cancellation);
        time.Advance(TimeSpan.FromSeconds(3.1));
        (await Should.ThrowAsync<CacheException>(() => asked)).Kind.ShouldBe(CacheFault.LoadTimedOut);
        (await Should.ThrowAsync<CacheException>(async () => await clips.GetAsync(1, Cancellation))).Kind.ShouldBe(CacheFault.LoadsRefused);
        done.SetResult();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (await clips.GetAsync(1, Cancellation))!.Title == "late";
            }
            catch (CacheException)
            {
                return false;
            }
        }, "its place is free again");
    }

    [Fact]
    public async Task A_bad_key_among_many_fails_its_call_and_leaves_nothing_behind()
    {
        await using var cache = CacheProcess.Alone();
        var texts = cache.Family(new CacheFamilyOptions<string, Clip>
        {
            Name = "texts",
            Payload = ClipSource.Payload,
            Load = (keys, _) => Task.FromResult<IReadOnlyDictionary<string, Clip>>(keys.ToDictionary(key => key, key => new Clip(key.Length, key))),
        });
        await Should.ThrowAsync<ArgumentException>(async () => await texts.GetManyAsync(["good", ""], Cancellation));
        (await texts.GetAsync("good", Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancellation))!.Title.ShouldBe("good");
    }

    [Fact]
    public async Task After_the_end_of_the_cache_callers_are_told_so()
    {
        var source = new ClipSource { [1] = new Clip(1, "1"), Hold = new TaskCompletionSource() };
        var cache = CacheProcess.Alone();
        var clips = cache.Family(source.Options());
        var waiting = clips.GetAsync(1, Cancellation).AsTask();
        await cache.DisposeAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);
        (await Should.ThrowAsync<CacheException>(async () => await clips.GetAsync(1, Cancellation))).Kind.ShouldBe(CacheFault.Disposed);
    }

    private static CacheFamilyOptions<long, Clip> Expensive(ClipSource source, TimeSpan wait) => new()
    {
        Name = "clips",
        Load = source.LoadAsync,
        Payload = ClipSource.Payload,
        IsExpensive = true,
        ClusterWaitMax = wait,
        LoadDurationMax = TimeSpan.FromSeconds(90),
    };
}
