using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>How long what is known is good, on a clock that tests move.</summary>
public sealed class LifetimeTests
{
    private readonly FakeTime _time = new();
    private readonly ClipSource _source = new() { [1] = new Clip(1, "old") };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_is_good_for_its_lifetime_and_loaded_again_after_it()
    {
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 60));
        await clips.GetAsync(1, Cancellation);
        _source[1] = new Clip(1, "new");
        _time.Advance(TimeSpan.FromSeconds(59.9));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        _time.Advance(TimeSpan.FromSeconds(0.2));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("new");
    }

    [Fact]
    public async Task What_was_stored_together_does_not_end_together()
    {
        for (var id = 0; id < 200; id++) _source[id] = new Clip(id, "x");
        var keys = Enumerable.Range(0, 200).Select(id => (long)id).ToArray();
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 100, jitter: 0.5));
        await clips.GetManyAsync(keys, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(49));
        await clips.GetManyAsync(keys, Cancellation);
        _source.Loads.Count.ShouldBe(1, "all are good for half of it");
        _time.Advance(TimeSpan.FromSeconds(26));
        await clips.GetManyAsync(keys, Cancellation);
        _source.Loads[1].Length.ShouldBeInRange(60, 140, "about half of them end in the first half of the spread");
    }

    [Fact]
    public async Task Before_its_end_one_caller_renews_a_value_while_all_are_served()
    {
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 100, early: 0.5));
        await clips.GetAsync(1, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(49));
        await clips.GetAsync(1, Cancellation);
        _source.Loads.Count.ShouldBe(1, "the window has not begun");

        _source[1] = new Clip(1, "new");
        var hold = _source.Hold = new TaskCompletionSource();
        _time.Advance(TimeSpan.FromSeconds(50.9));
        for (var i = 0; i < 100; i++)
        {
            var served = clips.GetAsync(1, Cancellation);
            served.IsCompletedSuccessfully.ShouldBeTrue("nobody waits for a renewal");
            (await served)!.Title.ShouldBe("old");
        }

        await Eventually.TrueAsync(() => _source.Loads.Count == 2, "somebody renews");
        hold.SetResult();
        await Eventually.TrueAsync(async () => (await clips.GetAsync(1, Cancellation))!.Title == "new", "the renewed value is served");
        _source.Loads.Count.ShouldBe(2);
        clips.Statistics().Renewals.ShouldBe(1);
    }

    [Fact]
    public async Task A_renewal_that_fails_rests_before_the_next_and_the_value_serves_to_its_end()
    {
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 100, early: 0.5));
        await clips.GetAsync(1, Cancellation);
        _source.Failure = new InvalidOperationException("down");
        _time.Advance(TimeSpan.FromSeconds(97));
        for (var i = 0; i < 10; i++)
        {
            (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
            await Eventually.TrueAsync(() => clips.Statistics().LoadFailures == 1, "the renewal failed");
        }

        _source.Loads.Count.ShouldBe(2, "no other within the pause");
    }

    [Fact]
    public async Task When_the_source_fails_a_stale_value_serves_within_its_limit_and_the_source_has_a_rest()
    {
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 10, stale: 20));
        await clips.GetAsync(1, Cancellation);
        _source.Failure = new InvalidOperationException("down");

        _time.Advance(TimeSpan.FromSeconds(11));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        _source.Loads.Count.ShouldBe(2, "within the pause nobody asks again");
        clips.Statistics().StaleServed.ShouldBe(1);
        _time.Advance(TimeSpan.FromSeconds(1.1));
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old");
        _source.Loads.Count.ShouldBe(3);

        _time.Advance(TimeSpan.FromSeconds(18.1)); // just past its limit, before memory is swept of it
        await Should.ThrowAsync<InvalidOperationException>(async () => await clips.GetAsync(1, Cancellation));
        _source.Failure = null;
        (await clips.GetAsync(1, Cancellation))!.Title.ShouldBe("old", "the source says so itself now");
    }

    [Fact]
    public async Task An_invalidated_value_is_never_served_stale()
    {
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 10, stale: 1000));
        await clips.GetAsync(1, Cancellation);
        await clips.RemoveAsync(1, Cancellation);
        _source.Failure = new InvalidOperationException("down");
        await Should.ThrowAsync<InvalidOperationException>(async () => await clips.GetAsync(1, Cancellation));
    }

    [Fact]
    public async Task That_there_is_nothing_has_a_lifetime_of_its_own_or_none()
    {
        await using var cache = CacheProcess.Alone(_time);
        var clips = cache.Family(Options(lifetime: 1000, negative: 5));
        var unremembered = cache.Family(new CacheFamilyOptions<long, Clip> { Name = "unremembered", Load = _source.LoadAsync, Payload = ClipSource.Payload, NegativeLifetime = TimeSpan.Zero });
        (await clips.GetAsync(7, Cancellation)).ShouldBeNull();
        (await clips.GetAsync(7, Cancellation)).ShouldBeNull();
        _source.Loads.Count.ShouldBe(1);
        clips.Statistics().NegativeHits.ShouldBe(1);
        _time.Advance(TimeSpan.FromSeconds(5.1));
        (await clips.GetAsync(7, Cancellation)).ShouldBeNull();
        _source.Loads.Count.ShouldBe(2);

        (await unremembered.GetAsync(7, Cancellation)).ShouldBeNull();
        (await unremembered.GetAsync(7, Cancellation)).ShouldBeNull();
        _source.Loads.Count.ShouldBe(4);
    }

    private CacheFamilyOptions<long, Clip> Options(double lifetime, double jitter = 0, double early = 0, double stale = 0, double negative = 1) => new()
    {
        Name = "clips",
        Load = _source.LoadAsync,
        Payload = ClipSource.Payload,
        Lifetime = TimeSpan.FromSeconds(lifetime),
        Jitter = jitter,
        EarlyRefresh = early,
        StaleIfErrorMax = TimeSpan.FromSeconds(stale),
        NegativeLifetime = TimeSpan.FromSeconds(negative),
        RetryPause = TimeSpan.FromSeconds(1),
    };
}
