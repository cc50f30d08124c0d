using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Foundation.Tests.Redis;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>An old value is not served for longer than the bound, whoever wrote and whatever was under way.</summary>
[Collection(nameof(RedisServerFixture))]
public sealed class InvalidationTests(RedisServerFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_write_on_one_process_ends_the_old_value_on_the_other()
    {
        var source = new ClipSource { [1] = new Clip(1, "old") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i1");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i1");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        await CacheItAsync(two, there, 1);

        await here.SetAsync(1, new Clip(1, "new"), Cancellation);

        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("new", "a process reads its own write at once");
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the other process serves the new value");
        source.Loads.Count.ShouldBe(1, "the new value came through Redis");
    }

    [Fact]
    public async Task Removing_makes_the_next_reader_of_any_process_ask_the_source()
    {
        var source = new ClipSource { [1] = new Clip(1, "old") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i2");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i2");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        await CacheItAsync(two, there, 1);

        source[1] = new Clip(1, "new");
        await here.RemoveAsync(1, Cancellation);

        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the other process serves the new value");
    }

    [Fact]
    public async Task A_load_that_an_invalidation_overtook_reaches_its_caller_and_no_tier()
    {
        var source = new ClipSource { [1] = new Clip(1, "old"), Hold = new TaskCompletionSource() };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i3");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i3");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        var slow = there.GetAsync(1, Cancellation).AsTask();
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "the load has read the old value");

        var hold = source.Hold;
        source.Hold = null;
        source[1] = new Clip(1, "new");
        await here.RemoveAsync(1, Cancellation);
        hold.SetResult();

        (await slow)!.Title.ShouldBe("old", "it was asked before");
        there.Statistics().Fenced.ShouldBe(1);
        await ReadingTests.SettleAsync(two);
        (await there.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
    }

    [Fact]
    public async Task A_slow_loader_does_not_overwrite_what_another_process_wrote_meanwhile()
    {
        var source = new ClipSource { [1] = new Clip(1, "old"), Hold = new TaskCompletionSource() };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i4");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i4");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        var slow = there.GetAsync(1, Cancellation).AsTask();
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "the load has read the old value");

        await here.SetAsync(1, new Clip(1, "new"), Cancellation);
        source.Hold.SetResult();
        await slow;

        await using var three = await CacheProcess.StartAsync(fixture.Server, prefix: "i4");
        (await three.Cache.Family(source.Options()).GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        source.Loads.Count.ShouldBe(1, "what is in Redis is what was written");
    }

    [Fact]
    public async Task Who_asks_after_an_invalidation_does_not_join_the_load_from_before()
    {
        var source = new ClipSource { [1] = new Clip(1, "old"), Hold = new TaskCompletionSource() };
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(source.Options());
        var before = clips.GetAsync(1, Cancellation).AsTask();
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "the load has read the old value");

        source[1] = new Clip(1, "new");
        await clips.RemoveAsync(1, Cancellation);
        var after = clips.GetAsync(1, Cancellation).AsTask();
        source.Hold.SetResult();

        (await after)!.Title.ShouldBe("new");
        (await before)!.Title.ShouldBe("old");
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
    }

    [Fact]
    public async Task Overlapping_writers_leave_no_value_of_theirs_but_ask_the_source()
    {
        var source = new ClipSource { [1] = new Clip(1, "first") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i5");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i5");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        var (wroteHere, wroteThere) = (new TaskCompletionSource(), new TaskCompletionSource());

        // here marks, there marks, there writes "second", here writes "third", there is done, here is done: Redis must not end with "second".
        var third = here.WriteAsync(1, async _ =>
        {
            await wroteThere.Task;
            source[1] = new Clip(1, "third");
            wroteHere.SetResult();
            return source[1];
        }, Cancellation).AsTask();
        await Eventually.TrueAsync(async () => await KindAsync("i5:v:clips:1") == 3, "the first writer has marked");
        await there.WriteAsync(1, async _ =>
        {
            source[1] = new Clip(1, "second");
            wroteThere.SetResult();
            await wroteHere.Task;
            return new Clip(1, "second");
        }, Cancellation);
        await third;

        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("third");
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "third", "both serve what the source has");
    }

    [Fact]
    public async Task While_a_writer_is_at_work_readers_ask_the_source_and_store_nothing()
    {
        var source = new ClipSource { [1] = new Clip(1, "old") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i6");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i6");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        var writing = new TaskCompletionSource();
        var write = here.WriteAsync(1, async token =>
        {
            await writing.Task.WaitAsync(token);
            source[1] = new Clip(1, "new");
            return source[1];
        }, Cancellation).AsTask();
        await Eventually.TrueAsync(async () => await KindAsync("i6:v:clips:1") == 3, "the writer has marked");

        (await there.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        (await KindAsync("i6:v:clips:1")).ShouldBe(3, "the mark stays");
        writing.SetResult();
        await write;
        (await KindAsync("i6:v:clips:1")).ShouldBe(0);
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the other process serves the new value");
    }

    [Fact]
    public async Task A_write_that_failed_may_have_happened_and_so_forgets()
    {
        var source = new ClipSource { [1] = new Clip(1, "old") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i7");
        var clips = one.Cache.Family(source.Options());
        await clips.GetAsync(1, Cancellation);
        await Should.ThrowAsync<TimeoutException>(async () => await clips.WriteAsync(1, _ =>
        {
            source[1] = new Clip(1, "new");
            throw new TimeoutException("no answer");
        }, Cancellation));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
    }

    [Fact]
    public async Task A_tag_ends_all_values_that_have_it_on_every_process_and_no_others()
    {
        var source = new ClipSource { [1] = new Clip(1, "a", "ann"), [2] = new Clip(2, "b", "ann"), [3] = new Clip(3, "c", "bob") };
        CacheFamilyOptions<long, Clip> Options() => new() { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, EarlyRefresh = 0, Tags = (_, clip) => clip is null ? [] : ["owner-" + clip.Owner] };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i8");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i8");
        var (here, there) = (one.Cache.Family(Options()), two.Cache.Family(Options()));
        await here.GetManyAsync([1, 2, 3], Cancellation);
        for (var id = 1; id <= 3; id++) await CacheItAsync(two, there, id);
        source.Loads.Count.ShouldBe(1);

        foreach (var id in new[] { 1, 2, 3 }) source[id] = source[id] with { Title = "new" };
        await one.Cache.InvalidateTagAsync("owner-ann", Cancellation);

        (await here.GetManyAsync([1, 2, 3], Cancellation)).Select(clip => clip!.Title).ShouldBe(["new", "new", "c"]);
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the tag is heard of");
        (await there.GetManyAsync([1, 2, 3], Cancellation)).Select(clip => clip!.Title).ShouldBe(["new", "new", "c"]);
        source.Loads.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_load_that_a_tag_overtook_is_not_believed_later()
    {
        var source = new ClipSource { [1] = new Clip(1, "old"), Hold = new TaskCompletionSource() };
        CacheFamilyOptions<long, Clip> Options() => new() { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Tags = (_, _) => ["all"] };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i9");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i9");
        var (here, there) = (one.Cache.Family(Options()), two.Cache.Family(Options()));
        var slow = there.GetAsync(1, Cancellation).AsTask();
        await Eventually.TrueAsync(() => source.Loads.Count == 1, "the load has read the old value");

        var hold = source.Hold;
        source.Hold = null;
        source[1] = new Clip(1, "new");
        await one.Cache.InvalidateTagAsync("all", Cancellation);
        hold.SetResult();
        (await slow)!.Title.ShouldBe("old", "it was asked before");

        (await here.GetAsync(1, Cancellation))!.Title.ShouldBe("new", "although the old one is in Redis");
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "both serve the new value");
    }

    [Fact]
    public async Task Clearing_a_family_ends_all_its_values_and_no_other_familys()
    {
        var source = new ClipSource { [1] = new Clip(1, "old") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i10");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "i10");
        var (here, there, other) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()), two.Cache.Family(source.Options("others")));
        await CacheItAsync(two, there, 1);
        await CacheItAsync(two, other, 1);
        source[1] = new Clip(1, "new");
        await here.ClearAsync(Cancellation);
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the clearing is heard of");
        (await other.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
    }

    [Fact]
    public async Task No_key_in_Redis_is_without_a_lifetime()
    {
        var source = new ClipSource { [1] = new Clip(1, "old"), [2] = new Clip(2, "two") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "i11");
        var clips = one.Cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Write = source.WriteAsync, Payload = ClipSource.Payload, IsExpensive = true, Tags = (_, _) => ["all"] });
        await clips.GetManyAsync([1, 2, 3], Cancellation);
        await clips.SetAsync(2, new Clip(2, "new"), Cancellation);
        await clips.RemoveAsync(1, Cancellation);
        await one.Cache.InvalidateTagAsync("all", Cancellation);
        await clips.ClearAsync(Cancellation);
        // A caller has its value a moment before the lease of its load is given back, and a scan may say a key twice.
        HashSet<string> keys = [];
        await Eventually.TrueAsync(async () => (keys = await KeysAsync("i11*")).Count <= 7, "more is kept than three values, the board's birth and clock, a family and a tag");
        keys.Count.ShouldBe(7, string.Join(' ', keys));
        foreach (var key in keys) (await fixture.Redis.TimeToLiveAsync(key, Cancellation)).ShouldBeGreaterThan(0, key);
    }

    [Fact]
    public async Task Alone_a_process_invalidates_keys_tags_and_families_just_the_same()
    {
        var source = new ClipSource { [1] = new Clip(1, "1") };
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Write = source.WriteAsync, Tags = (_, clip) => ["owner-" + clip?.Owner] });
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("1");
        source[1] = new Clip(1, "2");
        await clips.RemoveAsync(1, Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("2");
        source[1] = new Clip(1, "3");
        await cache.InvalidateTagAsync("owner-bob", Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("2");
        await cache.InvalidateTagAsync("owner-ann", Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("3");
        await clips.SetAsync(1, new Clip(1, "4"), Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("4");
        source[1] = new Clip(1, "5");
        await clips.ClearAsync(Cancellation);
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("5");
        source.Loads.Count.ShouldBe(4, "the written one was not loaded");
    }

    private async Task<HashSet<string>> KeysAsync(string pattern)
    {
        var keys = new HashSet<string>();
        await foreach (var key in fixture.Redis.ScanKeysAsync(pattern, 100, Cancellation))
        {
            using (key)
                keys.Add(key.GetString()!);
        }

        return keys;
    }

    /// <summary>Until the process serves it from memory.</summary>
    private static async Task CacheItAsync(CacheProcess process, CacheFamily<long, Clip> clips, long id)
    {
        await clips.GetAsync(id, Cancellation);
        await ReadingTests.SettleAsync(process);
        await clips.GetAsync(id, Cancellation);
        var hit = clips.GetAsync(id, Cancellation);
        hit.IsCompletedSuccessfully.ShouldBeTrue();
        await hit;
    }

    private async Task<int> KindAsync(string key)
    {
        using var stored = await fixture.Redis.GetAsync(key, Cancellation);
        return stored.IsNull ? -1 : stored.Span[1];
    }
}
