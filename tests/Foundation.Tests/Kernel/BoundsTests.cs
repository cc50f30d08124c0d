using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class BoundsTests
{
    [Fact]
    public void A_key_has_its_places_and_no_others()
    {
        var places = new PlacesPerKey<int>(2);
        places.TryEnter(1).ShouldBeTrue();
        places.TryEnter(1).ShouldBeTrue();
        places.TryEnter(1).ShouldBeFalse();
        places.TryEnter(2).ShouldBeTrue();
        places.Leave(1);
        places.TryEnter(1).ShouldBeTrue();
    }

    [Fact]
    public async Task Places_are_counted_right_by_many_threads()
    {
        var places = new PlacesPerKey<int>(3);
        var (inside, most) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                if (!places.TryEnter(7)) continue;
                var now = Interlocked.Increment(ref inside);
                if (now > Volatile.Read(ref most)) Interlocked.Exchange(ref most, now);
                Interlocked.Decrement(ref inside);
                places.Leave(7);
            }
        }, TestContext.Current.CancellationToken)));
        most.ShouldBeLessThanOrEqualTo(3);
        for (var i = 0; i < 3; i++) places.TryEnter(7).ShouldBeTrue();
        places.TryEnter(7).ShouldBeFalse();
    }

    [Fact]
    public void What_strangers_cause_is_said_seldom_and_how_often_it_was_not()
    {
        var time = new FakeTime();
        var seldom = new Seldom(time, TimeSpan.FromMinutes(1));
        seldom.IsTime(out var keptBack).ShouldBeTrue();
        keptBack.ShouldBe(0);
        for (var i = 0; i < 5; i++) seldom.IsTime(out _).ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(59));
        seldom.IsTime(out _).ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(1));
        seldom.IsTime(out keptBack).ShouldBeTrue();
        keptBack.ShouldBe(6);
        seldom.IsTime(out keptBack).ShouldBeFalse();
    }
}
