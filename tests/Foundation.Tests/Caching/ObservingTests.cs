using System.Diagnostics.Metrics;
using Shouldly;
using SkyRiff.Caching.Observing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>What an operator sees.</summary>
public sealed class ObservingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_familys_counters_are_instruments_of_the_meter()
    {
        var source = new ClipSource { [1] = new Clip(1, "x") };
        await using var cache = CacheProcess.Alone();
        var name = $"observed-{Guid.NewGuid():N}"[..40];
        var clips = cache.Family(source.Options(name));
        var seen = new Dictionary<string, double>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, me) => { if (instrument.Meter.Name == "SkyRiff.Caching") me.EnableMeasurementEvents(instrument); } };
        void See(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = tags.ToArray();
            if (labels.Any(label => name.Equals(label.Value)))
                seen[string.Join(' ', [instrument.Name, .. labels.Where(label => label.Key != "family").Select(label => $"{label.Value}")])] = value;
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.Start();
        await clips.GetAsync(1, Cancellation);
        await clips.GetAsync(1, Cancellation);
        await clips.GetAsync(2, Cancellation);
        await clips.GetAsync(2, Cancellation);
        source.Failure = new InvalidOperationException("down");
        await Should.ThrowAsync<InvalidOperationException>(async () => await clips.GetAsync(3, Cancellation));
        listener.RecordObservableInstruments();

        seen["cache.hits local"].ShouldBe(2);
        seen["cache.hits redis"].ShouldBe(0);
        seen["cache.misses"].ShouldBe(3);
        seen["cache.negative_hits"].ShouldBe(1);
        seen["cache.loads answered"].ShouldBe(2);
        seen["cache.loads failed"].ShouldBe(1);
        seen["cache.load.keys"].ShouldBe(3);
        seen["cache.load.duration"].ShouldBeGreaterThan(0);
        seen["cache.local.entries"].ShouldBe(2);
        seen["cache.stale_served"].ShouldBe(0);
        seen["cache.rejected loads"].ShouldBe(0);
        seen["cache.redis.bytes read"].ShouldBe(0);
    }

    [Fact]
    public async Task The_hottest_keys_are_known()
    {
        var source = new ClipSource();
        for (var id = 0; id < 1_000; id++) source[id] = new Clip(id, "x");
        await using var cache = CacheProcess.Alone();
        var clips = cache.Family(source.Options());
        await clips.GetManyAsync([.. Enumerable.Range(0, 1_000).Select(id => (long)id)], Cancellation);
        for (var i = 0; i < 50_000; i++)
            await clips.GetAsync(i % 3 == 0 ? 7 : i * 31 % 1_000, Cancellation);
        var hottest = clips.HotKeys(3)[0];
        hottest.Key.ShouldBe(7);
        hottest.Count.ShouldBeInRange(8_000, 30_000, "estimated from samples");
        clips.HotKeys(1_000).Count.ShouldBeLessThanOrEqualTo(64);
    }

    [Fact]
    public void Space_saving_keeps_what_is_frequent_and_bounds_its_error()
    {
        var sketch = new SpaceSaving<int>(10);
        var random = new Random(5);
        var truth = new Dictionary<int, long>();
        for (var i = 0; i < 20_000; i++)
        {
            var key = random.Next(4) == 0 ? random.Next(3) : random.Next(1_000, 2_000);
            truth[key] = truth.GetValueOrDefault(key) + 1;
            sketch.Add(key, 1);
        }

        foreach (var (key, count, error) in sketch.Top(10))
            truth[key].ShouldBeInRange(count - error, count);
        sketch.Top(3).Select(top => top.Key).Order().ShouldBe([0, 1, 2]);
    }
}
