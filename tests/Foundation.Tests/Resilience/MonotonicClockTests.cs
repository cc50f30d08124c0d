using Shouldly;
using SkyRiff.Resilience;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience;

public sealed class MonotonicClockTests
{
    private const long BehindMax = 16_000_000;

    [Fact]
    public void The_coarse_clock_is_never_ahead_never_goes_back_and_at_most_a_tick_behind()
    {
        var clock = new MonotonicClock(TimeProvider.System);
        var closest = long.MaxValue;
        var last = 0L;
        for (var i = 0; i < 200_000; i++)
        {
            var coarse = clock.Coarse;
            var now = clock.Now;
            coarse.ShouldBeInRange(last, now);
            closest = Math.Min(closest, now - coarse);
            last = coarse;
        }
        closest.ShouldBeLessThan(BehindMax); // the nearest of many: a thread that was paused in between proves nothing
    }

    [Fact]
    public void With_another_time_provider_both_clocks_are_one()
    {
        var time = new FakeTime();
        var clock = new MonotonicClock(time);
        clock.Coarse.ShouldBe(clock.Now);
        time.Advance(TimeSpan.FromTicks(1));
        clock.Coarse.ShouldBe(clock.Now);
    }
}
