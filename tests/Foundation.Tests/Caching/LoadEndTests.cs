using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Caching.Loading;
using SkyRiff.Caching.Local;
using SkyRiff.Caching.Observing;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>A key that calls back when a dictionary is about to look for it, so that a test gets between two looks of one call.</summary>
internal sealed class WatchedKey(int id) : IEquatable<WatchedKey>
{
    private int _looks;

    /// <summary>Runs before that look; the first is for a hit, the second for an entry that is due.</summary>
    public (int Look, Action Act)? Before { get; init; }

    public bool Equals(WatchedKey? other) => other is not null && other.ToString() == ToString();

    public override bool Equals(object? obj) => Equals(obj as WatchedKey);

    public override int GetHashCode()
    {
        if (++_looks == Before?.Look)
            Before.Value.Act();
        return id;
    }

    public override string ToString() => $"{id}";
}

/// <summary>Callers who come just when a load ends, or when there is no place for one. They are put between the looks of a call; nothing is left to chance.</summary>
public sealed class LoadEndTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_caller_between_its_look_in_memory_and_its_look_for_a_flight_when_a_load_ends_does_not_load_again(bool asksMany)
    {
        var source = new ClipSource { [1] = new Clip(1, "Otters"), [2] = new Clip(2, "Whales") };
        var between = new Queue<Action>();
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(Options(source, between));
        between.Enqueue(() => clips.GetAsync(1, Cancellation).AsTask().IsCompletedSuccessfully.ShouldBeTrue("somebody else loads it from beginning to end"));
        var got = asksMany ? await clips.GetManyAsync([1, 2], Cancellation) : [await clips.GetAsync(1, Cancellation)];
        got[0]!.Title.ShouldBe("Otters");
        source.Loads.Count(keys => keys.Contains(1)).ShouldBe(1);
        between.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_caller_who_comes_so_after_an_invalidation_loads_again()
    {
        var source = new ClipSource { [1] = new Clip(1, "old") };
        var between = new Queue<Action>();
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(Options(source, between));
        between.Enqueue(() =>
        {
            clips.GetAsync(1, Cancellation).AsTask().IsCompletedSuccessfully.ShouldBeTrue();
            source[1] = new Clip(1, "new");
            clips.RemoveAsync(1, Cancellation).AsTask().IsCompletedSuccessfully.ShouldBeTrue();
        });
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
        source.Loads.Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_is_not_remembered_is_loaded_again_by_who_comes_so()
    {
        var source = new ClipSource();
        var between = new Queue<Action>();
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(Options(source, between));
        between.Enqueue(() => clips.GetAsync(7, Cancellation).AsTask().IsCompletedSuccessfully.ShouldBeTrue());
        (await clips.GetAsync(7, Cancellation)).ShouldBeNull();
        source.Loads.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_value_that_came_between_two_looks_in_memory_is_served_and_not_renewed()
    {
        var loads = 0;
        var cache = CacheProcess.Alone();
        var clips = cache.Family(new CacheFamilyOptions<WatchedKey, Clip>
        {
            Name = "clips",
            Payload = ClipSource.Payload,
            Load = (keys, _) => Task.FromResult<IReadOnlyDictionary<WatchedKey, Clip>>(keys.ToDictionary(key => key, _ => new Clip(1, $"{++loads}"))),
        });
        var late = new WatchedKey(1) { Before = (2, () => clips.GetAsync(new WatchedKey(1), Cancellation).AsTask().IsCompletedSuccessfully.ShouldBeTrue()) };
        (await clips.GetAsync(late, Cancellation))!.Title.ShouldBe("1");
        await cache.DisposeAsync(); // a renewal that had begun is through now
        (loads, clips.Statistics().Renewals).ShouldBe((1, 0));
    }

    [Fact]
    public async Task A_renewal_without_a_place_to_load_stands_in_line_for_the_callers_who_joined_it()
    {
        var stage = new Stage();
        await using var cache = stage.Cache;
        var entry = await stage.LoadAsync(1);
        stage.Source[1] = new Clip(1, "new");
        var (full, hold) = stage.TakeThePlace();
        var renewal = new FlightGroup<long, Clip>(CancellationToken.None);
        var flight = stage.Join(1, renewal, entry);
        stage.Time.Advance(TimeSpan.FromSeconds(11)); // the entry is past its freshness before the renewal got to the source
        var caller = stage.Join(1, renewal).WaitAsync(Cancellation);
        var renewing = stage.Fetch.RunAsync(renewal);

        caller.IsCompleted.ShouldBeFalse("it waits for its turn");
        hold.SetResult();
        (await caller)!.Title.ShouldBe("new");
        await Task.WhenAll(full, renewing);
        flight.Leave();
        stage.Counters.LoadsRefused.ShouldBe(0);
    }

    [Fact]
    public async Task A_renewal_without_a_place_to_load_that_nobody_waits_for_ends_and_who_comes_then_stands_in_line()
    {
        var stage = new Stage();
        await using var cache = stage.Cache;
        var entry = await stage.LoadAsync(1);
        var (full, hold) = stage.TakeThePlace();
        var renewal = new FlightGroup<long, Clip>(CancellationToken.None);
        var flight = stage.Join(1, renewal, entry);
        await stage.Fetch.RunAsync(renewal);
        flight.TryJoin().ShouldBeFalse();
        stage.Counters.LoadsRefused.ShouldBe(1);

        stage.Time.Advance(TimeSpan.FromSeconds(11));
        var group = new FlightGroup<long, Clip>(CancellationToken.None);
        var caller = stage.Join(1, group);
        group.Flights.ShouldBe([caller], "it has a flight of its own");
        var flying = stage.Fetch.RunAsync(group);
        hold.SetResult();
        (await caller.WaitAsync(Cancellation))!.Title.ShouldBe("old");
        await Task.WhenAll(full, flying);
        stage.Source.Loads.Count.ShouldBe(3);
    }

    private static CacheFamilyOptions<long, Clip> Options(ClipSource source, Queue<Action> between) => new()
    {
        Name = "clips",
        Load = source.LoadAsync,
        Payload = ClipSource.Payload,
        NegativeLifetime = TimeSpan.Zero,
        KeyText = key =>
        {
            if (between.TryDequeue(out var act))
                act();
            return $"{key}";
        },
    };

    /// <summary>What is below a family's hits, with one place to load.</summary>
    private sealed class Stage
    {
        private readonly FlightTable<long, Clip> _flights;
        private readonly LocalTable<long, Clip> _table;
        private readonly Shelf<long, Clip> _shelf;

        public Stage()
        {
            Cache = CacheProcess.Alone(Time);
            var core = Cache.Core;
            var options = new CacheFamilyOptions<long, Clip> { Name = "clips", Load = Source.LoadAsync, Payload = ClipSource.Payload, Lifetime = TimeSpan.FromSeconds(10), StaleIfErrorMax = TimeSpan.Zero, LoadsMax = 1 };
            var tag = core.Tags.Family(options.Name);
            _table = new LocalTable<long, Clip>(core.Tier, core.Trust, core.Versions, tag, new HotKeys<long>(), core.Seed);
            _shelf = new Shelf<long, Clip>(core, options, _table);
            _flights = new FlightTable<long, Clip>(core);
            Fetch = new Fetch<long, Clip>(core, options, _table, _shelf, _flights, tag, Counters);
        }

        public FakeTime Time { get; } = new();

        public ClipSource Source { get; } = new() { [1] = new Clip(1, "old"), [2] = new Clip(2, "other") };

        public Cache Cache { get; }

        public FamilyCounters Counters { get; } = new();

        public Fetch<long, Clip> Fetch { get; }

        public Flight<long, Clip> Join(long key, FlightGroup<long, Clip> group, CacheEntry<long, Clip>? renewed = null) => _flights.Join(key, _shelf.KeyOf(key), group, renewed).Flight;

        public async Task<CacheEntry<long, Clip>> LoadAsync(long key)
        {
            var group = new FlightGroup<long, Clip>(CancellationToken.None);
            Join(key, group);
            await Fetch.RunAsync(group);
            return _table.TryPeek(key, out var entry) ? entry : throw new InvalidOperationException("It was not kept.");
        }

        /// <summary>A load of another key that ends when the hold does.</summary>
        public (Task Loading, TaskCompletionSource Hold) TakeThePlace()
        {
            var hold = Source.Hold = new TaskCompletionSource();
            var group = new FlightGroup<long, Clip>(CancellationToken.None);
            Join(2, group);
            var loading = Fetch.RunAsync(group);
            Source.Hold = null;
            return (loading, hold);
        }
    }
}
