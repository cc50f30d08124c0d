using Shouldly;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Calls;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Adaptive;

public sealed class AdaptiveConcurrencyTests
{
    private const long Millisecond = 1_000_000;

    /// <summary>A callee with so many workers and 10 ms of work per call; what is beyond waits in its queue.</summary>
    private sealed class Callee(int workers)
    {
        private readonly PriorityQueue<(AdaptivePermit Permit, Priority Priority), long> _ends = new();
        private readonly PriorityQueue<int, long> _free = new(Enumerable.Range(0, workers).Select(worker => (worker, 0L)));

        public long[] Offered { get; } = new long[4];

        public long[] Done { get; } = new long[4];

        /// <summary>Offers calls at a steady rate, each with the next of the priorities, for so long.</summary>
        public void Run(AdaptiveConcurrency limiter, double callsPerSecond, long from, long duration, params Priority[] priorities)
        {
            var gap = 1e9 / callsPerSecond;
            for (var i = 0; i * gap < duration; i++)
            {
                var now = from + (long)(i * gap);
                LeaveUntil(limiter, now);
                var priority = priorities[i % priorities.Length];
                Offered[(int)priority]++;
                var permit = limiter.TryEnter(priority, now);
                if (!permit.IsAllowed) continue;
                _free.TryDequeue(out var worker, out var free);
                var end = Math.Max(free, now) + (10 * Millisecond);
                _free.Enqueue(worker, end);
                _ends.Enqueue((permit, priority), end);
            }
            LeaveUntil(limiter, from + duration);
        }

        private void LeaveUntil(AdaptiveConcurrency limiter, long now)
        {
            while (_ends.TryPeek(out var call, out var end) && end <= now)
            {
                _ends.Dequeue();
                Done[(int)call.Priority]++;
                limiter.Leave(call.Permit, Verdict.Succeeded, end);
            }
        }
    }

    [Fact]
    public void Ten_times_too_much_keeps_the_callee_busy_and_its_queue_short()
    {
        var limiter = new AdaptiveConcurrency(new AdaptiveConcurrencyOptions());
        var callee = new Callee(50); // 5,000 a second
        callee.Run(limiter, 4_000, 0, 5_000 * Millisecond, Priority.Critical); // finds its limit
        callee.Run(limiter, 4_000, 5_000 * Millisecond, 5_000 * Millisecond, Priority.Critical);
        var before = callee.Done[3];
        limiter.Shed.ShouldBeLessThan(3_000);

        callee.Run(limiter, 50_000, 10_000 * Millisecond, 120_000 * Millisecond, Priority.Critical);

        (callee.Done[3] - before).ShouldBeGreaterThan(600_000 * 99 / 100);
        limiter.Limit.ShouldBeInRange(50, 125); // 50 at work, and a queue of at most one and a half times that
        limiter.Shed.ShouldBeGreaterThan(1_000_000);
    }

    [Fact]
    public void The_important_survive_when_the_rest_is_shed()
    {
        var limiter = new AdaptiveConcurrency(new AdaptiveConcurrencyOptions());
        var callee = new Callee(50);
        // One in twenty is money: 2,500 of 50,000 a second, half of what the callee can do.
        var mix = Enumerable.Repeat(Priority.Normal, 19).Append(Priority.Critical).ToArray();
        callee.Run(limiter, 4_000, 0, 5_000 * Millisecond, mix);
        var (offered, done) = (callee.Offered[3], callee.Done[3]);

        callee.Run(limiter, 50_000, 5_000 * Millisecond, 30_000 * Millisecond, mix);

        ((double)(callee.Done[3] - done) / (callee.Offered[3] - offered)).ShouldBeGreaterThan(0.99);
        callee.Done[1].ShouldBeGreaterThan(60_000);
    }

    [Fact]
    public void A_slower_callee_gets_fewer_calls_and_a_recovered_one_gets_them_back()
    {
        var limiter = new AdaptiveConcurrency(new AdaptiveConcurrencyOptions { LimitStart = 100 });
        Serve(limiter, 200, 10 * Millisecond, 0);
        var healthy = limiter.Limit;
        Serve(limiter, 50, 100 * Millisecond, 1_000_000 * Millisecond);
        limiter.Limit.ShouldBeLessThan(healthy / 2);
        Serve(limiter, 400, 10 * Millisecond, 2_000_000 * Millisecond);
        limiter.Limit.ShouldBeGreaterThan(healthy * 9 / 10);
    }

    [Fact]
    public void Failures_shrink_it_but_not_below_the_minimum_and_refusals_do_nothing()
    {
        var limiter = new AdaptiveConcurrency(new AdaptiveConcurrencyOptions { LimitStart = 100 });
        for (var i = 0; i < 50; i++) limiter.Leave(limiter.TryEnter(Priority.Critical, i * 1_000 * Millisecond), Verdict.Refused, (i * 1_000 * Millisecond) + 1);
        limiter.Limit.ShouldBe(100);
        for (var i = 0; i < 100; i++) limiter.Leave(limiter.TryEnter(Priority.Critical, i * 1_000 * Millisecond), Verdict.Failed, (i * 1_000 * Millisecond) + 1);
        limiter.Limit.ShouldBe(4);
        limiter.Inside.ShouldBe(0);
    }

    [Fact]
    public void Each_priority_has_its_share_of_the_limit()
    {
        var limiter = new AdaptiveConcurrency(new AdaptiveConcurrencyOptions { LimitStart = 20 });
        int Fill(Priority priority)
        {
            while (limiter.TryEnter(priority, 0).IsAllowed)
            {
            }
            return limiter.Inside;
        }

        Fill(Priority.Sheddable).ShouldBe(10);
        Fill(Priority.Normal).ShouldBe(16);
        Fill(Priority.High).ShouldBe(18);
        Fill(Priority.Critical).ShouldBe(20);
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var limiter = new AdaptiveConcurrency(new AdaptiveConcurrencyOptions());
        Serve(limiter, 10, Millisecond, 0);
        Allocations.Of(() =>
        {
            for (var i = 0; i < 10_000; i++) limiter.Leave(limiter.TryEnter(Priority.Normal, i * Millisecond), Verdict.Succeeded, (i + 1) * Millisecond);
        }).ShouldBe(0);
    }

    // So many windows in which the limit is filled and every call takes so long.
    private static void Serve(AdaptiveConcurrency limiter, int windows, long duration, long from)
    {
        for (var window = 0; window < windows; window++)
        {
            var now = from + (window * 200 * Millisecond);
            var inside = new List<AdaptivePermit>();
            while (limiter.TryEnter(Priority.Critical, now) is { IsAllowed: true } permit) inside.Add(permit);
            foreach (var permit in inside) limiter.Leave(permit, Verdict.Succeeded, now + duration);
        }
    }
}
