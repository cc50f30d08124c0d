using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Resilience.Limits;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

public sealed class TokenBucketTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void A_full_bucket_gives_its_burst_and_then_its_rate()
    {
        var bucket = new TokenBucket(3, 10, TimeSpan.FromSeconds(1));
        var state = default(TokenBucketState);
        var now = 50 * Second;

        for (var left = 2; left >= 0; left--) bucket.Take(ref state, 1, now).ShouldBe(new LimitDecision(true, 3, left, TimeSpan.FromMilliseconds(100 * (3 - left)), TimeSpan.Zero));
        bucket.Take(ref state, 1, now).ShouldBe(new LimitDecision(false, 3, 0, TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(100)));
        bucket.Take(ref state, 1, now + (Second / 10) - 1).IsAllowed.ShouldBeFalse();
        bucket.Take(ref state, 1, now + (Second / 10)).IsAllowed.ShouldBeTrue();
    }

    [Fact]
    public void A_cost_above_the_bucket_is_never_allowed_and_changes_nothing()
    {
        var bucket = new TokenBucket(3, 10, TimeSpan.FromSeconds(1));
        var state = default(TokenBucketState);

        bucket.Take(ref state, 4, Second).RetryAfter.ShouldBe(LimitDecision.Never);
        bucket.Take(ref state, 3, Second).IsAllowed.ShouldBeTrue();
        Should.Throw<ArgumentOutOfRangeException>(() => bucket.Take(ref state, -1, Second));
    }

    [Fact]
    public void What_was_not_used_can_be_given_back_but_never_more_than_full()
    {
        var bucket = new TokenBucket(3, 10, TimeSpan.FromSeconds(1));
        var state = default(TokenBucketState);
        bucket.Take(ref state, 3, Second);

        bucket.GiveBack(ref state, 2, Second);
        bucket.Take(ref state, 0, Second).Remaining.ShouldBe(2);
        bucket.GiveBack(ref state, 3, Second);
        bucket.GiveBack(ref state, 3, Second);

        bucket.Take(ref state, 0, Second).Remaining.ShouldBe(3);
    }

    [Fact]
    public void No_span_of_time_gets_more_than_the_burst_and_its_share() => Prop.ForAll(Ask.Sequences, asks =>
    {
        var bucket = new TokenBucket(5, 7, TimeSpan.FromSeconds(1)); // 1/7 s is no whole number of nanoseconds
        var state = default(TokenBucketState);
        var taken = new List<(long At, long Cost)>();
        var now = Second;
        foreach (var ask in asks)
        {
            now += ask.After;
            if (bucket.Take(ref state, ask.Cost, now).IsAllowed) taken.Add((now, ask.Cost));
        }
        for (var from = 0; from < taken.Count; from++)
        {
            long sum = 0;
            for (var to = from; to < taken.Count; to++)
            {
                sum += taken[to].Cost;
                if (sum > 5 + (7.0 * (taken[to].At - taken[from].At) / Second)) return false;
            }
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Retry_after_is_the_first_moment_that_works_and_remaining_is_what_can_be_taken() => Prop.ForAll(Ask.Sequences, asks =>
    {
        var bucket = new TokenBucket(5, 10, TimeSpan.FromSeconds(1));
        var state = default(TokenBucketState);
        var now = Second;
        foreach (var ask in asks)
        {
            now += ask.After;
            var decision = bucket.Take(ref state, ask.Cost, now);
            var (atOnce, tooMuch) = (state, state);
            if (!bucket.Take(ref atOnce, decision.Remaining, now).IsAllowed || bucket.Take(ref tooMuch, decision.Remaining + 1, now).IsAllowed) return false;
            if (bucket.IsIdle(state, now + (decision.Reset.Ticks * 100)) is false) return false;
            if (decision.IsAllowed) continue;
            var (early, inTime) = (state, state);
            var wait = decision.RetryAfter.Ticks * 100;
            if (bucket.Take(ref early, ask.Cost, now + wait - 100).IsAllowed || !bucket.Take(ref inTime, ask.Cost, now + wait).IsAllowed) return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();
}
