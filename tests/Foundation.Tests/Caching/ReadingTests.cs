using System.Globalization;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Foundation.Tests.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>Cache-aside through three tiers.</summary>
[Collection(nameof(RedisServerFixture))]
public sealed class ReadingTests(RedisServerFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_is_loaded_once_then_comes_from_memory_and_to_another_process_from_Redis()
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "r1");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "r1");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));

        (await here.GetAsync(1, Cancellation)).ShouldBe(new Clip(1, "Otters"));
        (await there.GetAsync(1, Cancellation)).ShouldBe(new Clip(1, "Otters"));
        source.Loads.Count.ShouldBe(1);
        there.Statistics().RedisHits.ShouldBe(1);

        // The store itself was an invalidation to all; after one more look each has it for good.
        (await here.GetAsync(1, Cancellation)).ShouldNotBeNull();
        await SettleAsync(one);
        await here.GetAsync(1, Cancellation);
        var settled = here.Statistics();
        for (var i = 0; i < 100; i++)
        {
            var hit = here.GetAsync(1, Cancellation);
            hit.IsCompletedSuccessfully.ShouldBeTrue();
            (await hit)!.Title.ShouldBe("Otters");
        }

        here.Statistics().LocalHits.ShouldBe(settled.LocalHits + 100);
        source.Loads.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Many_keys_take_one_round_trip_and_what_is_missing_one_load()
    {
        var source = new ClipSource();
        for (var id = 1; id <= 10; id++) source[id] = new Clip(id, $"clip {id}");
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "r2");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "r2");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        await here.GetManyAsync([1, 2, 3], Cancellation);
        await SettleAsync(two);
        await there.GetAsync(1, Cancellation);

        var before = await CallsOfMgetAsync();
        var clips = await there.GetManyAsync([1, 2, 99, 7, 8, 7], Cancellation);

        clips.Select(clip => clip?.Id).ShouldBe([1, 2, null, 7, 8, 7]);
        (await CallsOfMgetAsync() - before).ShouldBe(1);
        source.Loads.Count.ShouldBe(2);
        source.Loads[1].ShouldBe([99, 7, 8], ignoreOrder: true);
        there.Statistics().RedisHits.ShouldBe(2, "1 by itself, and 2 among many");
    }

    [Fact]
    public async Task More_keys_than_a_load_may_have_are_loaded_in_several()
    {
        var source = new ClipSource();
        for (var id = 0; id < 25; id++) source[id] = new Clip(id, "x");
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, KeysPerLoadMax = 10 });
        (await clips.GetManyAsync([.. Enumerable.Range(0, 25).Select(id => (long)id)], Cancellation)).ShouldAllBe(clip => clip != null);
        source.Loads.Select(load => load.Length).ShouldBe([10, 10, 5]);
    }

    [Fact]
    public async Task That_something_does_not_exist_is_remembered_too_in_both_tiers()
    {
        var source = new ClipSource();
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "r3");
        await using var two = await CacheProcess.StartAsync(fixture.Server, prefix: "r3");
        var (here, there) = (one.Cache.Family(source.Options()), two.Cache.Family(source.Options()));
        (await here.GetAsync(5, Cancellation)).ShouldBeNull();
        (await there.GetAsync(5, Cancellation)).ShouldBeNull();
        (await there.GetAsync(5, Cancellation)).ShouldBeNull();
        source.Loads.Count.ShouldBe(1);
        there.Statistics().NegativeHits.ShouldBeGreaterThan(0);

        // It comes into being, and whoever makes it says so.
        source[5] = new Clip(5, "new");
        await there.RemoveAsync(5, Cancellation);
        (await there.GetAsync(5, Cancellation)).ShouldBe(new Clip(5, "new"));
    }

    [Fact]
    public async Task What_cannot_exist_asks_neither_Redis_nor_the_source()
    {
        var source = new ClipSource { [2] = new Clip(2, "even") };
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "r4");
        var clips = one.Cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Membership = new OnlyEven() });
        var before = await CallsOfMgetAsync();
        (await clips.GetAsync(3, Cancellation)).ShouldBeNull();
        (await clips.GetManyAsync([5, 7], Cancellation)).ShouldAllBe(clip => clip == null);
        (await CallsOfMgetAsync()).ShouldBe(before);
        source.Loads.ShouldBeEmpty();
        clips.Statistics().MembershipRefusals.ShouldBe(3);
        (await clips.GetAsync(2, Cancellation)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Warming_loads_what_exists_in_few_loads_and_later_reads_are_hits()
    {
        var source = new ClipSource();
        for (var id = 0; id < 90; id++) source[id] = new Clip(id, "x");
        await using var one = await CacheProcess.StartAsync(fixture.Server, prefix: "r5");
        var clips = one.Cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, KeysPerLoadMax = 50 });
        (await clips.WarmAsync(Enumerable.Range(0, 100).Select(id => (long)id), loadsAtOnce: 2, Cancellation)).ShouldBe(90);
        source.Loads.Count.ShouldBe(2);
        await clips.GetManyAsync([.. Enumerable.Range(0, 100).Select(id => (long)id)], Cancellation);
        source.Loads.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_source_of_one_at_a_time_answers_many()
    {
        var most = 0;
        var now = 0;
        var load = CacheLoad.Each<long, Clip>(async (id, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref now));
            await Task.Yield();
            Interlocked.Decrement(ref now);
            return id % 2 == 0 ? new Clip(id, "even") : null;
        }, atOnce: 3);
        (await load([.. Enumerable.Range(0, 20).Select(id => (long)id)], Cancellation)).Keys.Order().ShouldBe(Enumerable.Range(0, 10).Select(id => id * 2L));
        most.ShouldBeLessThanOrEqualTo(3);
    }

    [Fact]
    public async Task Mistakes_in_the_options_are_told_all_at_once()
    {
        var source = new ClipSource();
        await using var cache = CacheProcess.Alone();
        var mistake = Should.Throw<ArgumentException>(() => cache.Family(new CacheFamilyOptions<long, Clip> { Name = "Clips!", Load = source.LoadAsync, Payload = ClipSource.Payload, Jitter = 2, LoadsMax = 0 }));
        mistake.Message.ShouldContain("Name");
        mistake.Message.ShouldContain("Jitter");
        mistake.Message.ShouldContain("LoadsMax");
        cache.Family(source.Options());
        Should.Throw<ArgumentException>(() => cache.Family(source.Options()));
    }

    /// <summary>Until the process has heard of everything that was written before.</summary>
    internal static async Task SettleAsync(CacheProcess process)
    {
        var key = System.Text.Encoding.UTF8.GetBytes($"{process.Cache.Core.Options.Prefix}:settle");
        var moved = process.Cache.Core.Versions.MovedAsync(process.Cache.Core.Versions.SlotOf(key));
        await process.Redis.SetAsync(key, "x", null, Cancellation);
        await moved.WaitAsync(Cancellation);
    }

    private async Task<long> CallsOfMgetAsync()
    {
        using var info = await fixture.Redis.CallAsync(["INFO", "commandstats"], -1, Cancellation);
        var line = info.Root.GetString().Split("\r\n").FirstOrDefault(line => line.StartsWith("cmdstat_mget:", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split("calls=")[1].Split(',')[0], CultureInfo.InvariantCulture);
    }

    private sealed class OnlyEven : IMembership<long>
    {
        public bool MayContain(long key) => key % 2 == 0;
    }
}
