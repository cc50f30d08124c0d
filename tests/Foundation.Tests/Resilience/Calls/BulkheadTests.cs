using Shouldly;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Calls;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Calls;

public sealed class BulkheadTests
{
    private readonly FakeTime _time = new();

    [Fact]
    public async Task Places_then_queue_then_refusal()
    {
        var bulkhead = Make(2, 2);
        (await Enter(bulkhead)).ShouldBe(BulkheadEntry.Entered);
        (await Enter(bulkhead)).ShouldBe(BulkheadEntry.Entered);
        var (third, fourth) = (Enter(bulkhead), Enter(bulkhead));
        (await Enter(bulkhead)).ShouldBe(BulkheadEntry.Full);

        bulkhead.Leave();
        (await third).ShouldBe(BulkheadEntry.Entered);
        fourth.IsCompleted.ShouldBeFalse();
        bulkhead.TryEnter().ShouldBeFalse();
        bulkhead.Leave();
        (await fourth).ShouldBe(BulkheadEntry.Entered);
        bulkhead.Leave();
        bulkhead.Leave();
        (bulkhead.Inside, bulkhead.Waiting).ShouldBe((0, 0));
    }

    [Fact]
    public async Task Who_waits_too_long_or_leaves_gives_up_only_a_place_in_the_queue()
    {
        var bulkhead = Make(1, 3);
        await Enter(bulkhead);
        using var leaving = new CancellationTokenSource();
        var patient = Enter(bulkhead);
        var leaver = bulkhead.EnterAsync(Deadline.None, leaving.Token).AsTask();
        var hurried = bulkhead.EnterAsync(Deadline.After(TimeSpan.FromMilliseconds(100), new MonotonicClock(_time).Now), CancellationToken.None).AsTask();

        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(leaver);
        _time.Advance(TimeSpan.FromMilliseconds(100));
        (await hurried).ShouldBe(BulkheadEntry.WaitedTooLong);
        bulkhead.Waiting.ShouldBe(1);
        _time.Advance(TimeSpan.FromMilliseconds(900));
        (await patient).ShouldBe(BulkheadEntry.WaitedTooLong);

        bulkhead.Leave();
        bulkhead.Inside.ShouldBe(0);
        (await Enter(bulkhead)).ShouldBe(BulkheadEntry.Entered);
    }

    [Fact]
    public async Task Never_more_inside_than_places_and_none_is_lost()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { ConcurrencyMax = 3, QueueMax = 50 }, new MonotonicClock(TimeProvider.System));
        var (inside, most, entered) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(() => WorkAsync(worker), TestContext.Current.CancellationToken)));

        most.ShouldBeLessThanOrEqualTo(3);
        entered.ShouldBeGreaterThan(1_000);
        (bulkhead.Inside, bulkhead.Waiting).ShouldBe((0, 0));

        async Task WorkAsync(int worker)
        {
            for (var i = 0; i < 500; i++)
            {
                using var cancel = new CancellationTokenSource();
                var entering = bulkhead.EnterAsync(Deadline.None, cancel.Token);
                if ((i + worker) % 3 == 0) await cancel.CancelAsync();
                try
                {
                    if (await entering != BulkheadEntry.Entered) continue;
                }
                catch (OperationCanceledException)
                {
                    continue;
                }
                InterlockedMax(ref most, Interlocked.Increment(ref inside));
                Interlocked.Increment(ref entered);
                await Task.Yield();
                Interlocked.Decrement(ref inside);
                bulkhead.Leave();
            }
        }
    }

    [Fact]
    public async Task A_place_that_comes_at_the_moment_of_leaving_is_not_lost()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { ConcurrencyMax = 1, QueueMax = 1 }, new MonotonicClock(TimeProvider.System));
        using var together = new Barrier(2);
        CancellationTokenSource? leaving = null;
        var stop = TestContext.Current.CancellationToken;
        const int rounds = 20_000;
        var canceller = new Thread(() =>
        {
            for (var i = 0; i < rounds; i++)
            {
                together.SignalAndWait(stop);
                leaving!.Cancel();
                together.SignalAndWait(stop);
            }
        })
        { IsBackground = true };
        canceller.Start();
        for (var i = 0; i < rounds; i++)
        {
            leaving = new CancellationTokenSource();
            bulkhead.TryEnter().ShouldBeTrue($"A place was lost in round {i}.");
            var waiting = bulkhead.EnterAsync(Deadline.None, leaving.Token).AsTask();
            together.SignalAndWait(stop);
            bulkhead.Leave();
            together.SignalAndWait(stop);
            try
            {
                if (await waiting == BulkheadEntry.Entered) bulkhead.Leave();
            }
            catch (OperationCanceledException)
            {
                // holds nothing
            }
            leaving.Dispose();
        }
        canceller.Join();
        (bulkhead.Inside, bulkhead.Waiting).ShouldBe((0, 0));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }

    private static Task<BulkheadEntry> Enter(Bulkhead bulkhead) => bulkhead.EnterAsync(Deadline.None, CancellationToken.None).AsTask();

    private Bulkhead Make(int concurrencyMax, int queueMax) => new(new BulkheadOptions { ConcurrencyMax = concurrencyMax, QueueMax = queueMax }, new MonotonicClock(_time));
}
