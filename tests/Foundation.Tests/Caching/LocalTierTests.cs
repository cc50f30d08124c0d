using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Caching.Local;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>What happens to the local tier: a look-up, an invalidation, or time going by; sizes and lifetimes vary by key.</summary>
internal sealed record LocalMove(int Kind, int Key, int Milliseconds)
{
    public static Arbitrary<LocalMove[]> Sequences { get; } = Gen.ArrayOf(
            from kind in Gen.Frequency((8, Gen.Constant(0)), (1, Gen.Constant(1)), (2, Gen.Constant(2)))
            from key in Gen.Frequency((3, Gen.Choose(0, 5)), (2, Gen.Choose(0, 60)))
            from milliseconds in Gen.Choose(0, 3_000)
            select new LocalMove(kind, key, milliseconds))
        .Resize(300).ToArbitrary();
}

/// <summary>Memory: within its bytes, never serving the dead, nothing allocated by a hit.</summary>
public sealed class LocalTierTests
{
    private const long BytesMax = 1024 * 1024;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void It_stays_within_its_bytes_and_serves_nothing_dead_or_invalidated() => Prop.ForAll(LocalMove.Sequences, moves =>
    {
        var time = new FakeTime();
        var versions = new int[61];
        var loadedAt = new DateTimeOffset[61];
        using var cache = new Disposing(CacheProcess.Alone(time, BytesMax));
        var clips = cache.Cache.Family(new CacheFamilyOptions<long, Clip>
        {
            Name = "clips",
            Payload = ClipSource.Payload,
            Lifetime = TimeSpan.FromSeconds(2),
            Jitter = 0.5,
            EarlyRefresh = 0,
            Weigh = clip => 1_000 + ((int)clip.Id * 1_000),
            Load = CacheLoad.Each<long, Clip>((id, _) =>
            {
                loadedAt[id] = time.GetUtcNow();
                return Task.FromResult<Clip?>(new Clip(id, $"{versions[id]}"));
            }),
        });
        foreach (var (kind, key, milliseconds) in moves)
        {
            if (kind == 1)
            {
                versions[key]++;
                clips.RemoveAsync(key, Cancellation).AsTask().IsCompletedSuccessfully.ShouldBeTrue();
            }
            else if (kind == 2)
            {
                time.Advance(TimeSpan.FromMilliseconds(milliseconds));
            }
            else
            {
                var got = clips.GetAsync(key, Cancellation).AsTask();
                got.Wait(TimeSpan.FromSeconds(20), CancellationToken.None).ShouldBeTrue();
                got.Result!.Title.ShouldBe($"{versions[key]}", "an invalidated value was served");
                (time.GetUtcNow() - loadedAt[key]).TotalMilliseconds.ShouldBeLessThanOrEqualTo(2_000 + CoarseClock.StepMs, "a dead value was served");
            }

            cache.Cache.LocalBytes.ShouldBeLessThanOrEqualTo(BytesMax);
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task What_is_asked_for_often_stays_while_a_scan_goes_through()
    {
        var source = new ClipSource();
        for (var id = 0; id < 20_000; id++) source[id] = new Clip(id, "x");
        await using var cache = CacheProcess.Alone(new FakeTime(), BytesMax);
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Weigh = _ => 500 });
        for (var round = 0; round < 20; round++)
        {
            for (var id = 0; id < 200; id++) await clips.GetAsync(id, Cancellation);
        }

        for (var id = 1_000; id < 20_000; id++) await clips.GetAsync(id, Cancellation);
        var loads = source.Loads.Count;
        for (var id = 0; id < 200; id++) await clips.GetAsync(id, Cancellation);
        (source.Loads.Count - loads).ShouldBeLessThan(20, "hot keys were driven out by keys that were asked for once");
        cache.LocalBytes.ShouldBeInRange(BytesMax / 2, BytesMax);
    }

    [Fact]
    public async Task The_dead_leave_memory_without_being_asked_for()
    {
        var time = new FakeTime();
        var source = new ClipSource();
        await using var cache = CacheProcess.Alone(time, BytesMax);
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, NegativeLifetime = TimeSpan.FromSeconds(10) });
        await clips.GetManyAsync([.. Enumerable.Range(0, 500).Select(id => (long)id)], Cancellation);
        clips.Statistics().LocalEntries.ShouldBe(500);
        time.Advance(TimeSpan.FromSeconds(12));
        clips.Statistics().LocalEntries.ShouldBe(0);
        cache.LocalBytes.ShouldBe(0);
    }

    [Fact]
    public async Task An_entry_that_is_too_large_for_memory_is_not_kept()
    {
        var source = new ClipSource { [1] = new Clip(1, "large") };
        await using var cache = CacheProcess.Alone(new FakeTime(), BytesMax);
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Weigh = _ => (int)BytesMax });
        await clips.GetAsync(1, Cancellation);
        await clips.GetAsync(1, Cancellation);
        source.Loads.Count.ShouldBe(2);
        cache.LocalBytes.ShouldBe(0);
    }

    [Fact]
    public async Task Readers_writers_and_invalidations_at_once_leave_what_is_true()
    {
        var source = new ClipSource();
        for (var id = 0; id < 50; id++) source[id] = new Clip(id, "0");
        await using var cache = CacheProcess.Alone(bytesMax: BytesMax);
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Write = source.WriteAsync, Weigh = _ => 30_000, LoadsWaitingMax = 100_000 });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 3_000; i++)
            {
                var id = ((i * 7) + worker) % 50;
                if (i % 10 == 0 && id % 8 == worker)
                {
                    // One writer per key: it must read at once what it wrote.
                    await clips.SetAsync(id, new Clip(id, $"{worker} {i}"), Cancellation);
                    (await clips.GetAsync(id, Cancellation))!.Title.ShouldBe($"{worker} {i}");
                }
                else
                {
                    await clips.GetAsync(id, Cancellation);
                }
            }
        }, Cancellation)));
        for (var id = 0; id < 50; id++) (await clips.GetAsync(id, Cancellation)).ShouldBe(source[id]);
        cache.LocalBytes.ShouldBeLessThanOrEqualTo(BytesMax);
    }

    [Fact]
    public async Task A_hit_completes_at_once_and_allocates_nothing()
    {
        var source = new ClipSource();
        for (var id = 0; id < 100; id++) source[id] = new Clip(id, "x");
        var keys = Enumerable.Range(0, 101).Select(id => (long)id).ToArray(); // the last one does not exist
        await using var cache = CacheProcess.Alone(new FakeTime());
        var clips = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Tags = (_, _) => ["all"] });
        await clips.GetManyAsync(keys, Cancellation);
        Allocations.Of(() =>
        {
            for (var round = 0; round < 100; round++)
            {
                foreach (var key in keys)
                {
                    var hit = clips.GetAsync(key, CancellationToken.None);
                    if (!hit.IsCompletedSuccessfully) throw new InvalidOperationException("That was no hit.");
                }
            }
        }).ShouldBe(0);
        source.Loads.Count.ShouldBe(1);
    }

    /// <summary>For properties, which are not asynchronous.</summary>
    private sealed class Disposing(Cache cache) : IDisposable
    {
        public Cache Cache => cache;

        public void Dispose() => cache.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20), CancellationToken.None);
    }
}
