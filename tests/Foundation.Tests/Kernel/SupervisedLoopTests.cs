using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class SupervisedLoopTests
{
    private readonly FakeTime _time = new();

    private sealed class Loop(TimeProvider time, Func<int, CancellationToken, Task> work) : SupervisedLoop("test loop", time, Entropy.Seeded(1), NullLogger.Instance)
    {
        private int _runs;

        public int Runs => Volatile.Read(ref _runs);

        protected override Task RunAsync(CancellationToken stopping) => work(Interlocked.Increment(ref _runs), stopping);
    }

    private static Task ForeverAsync(CancellationToken stopping) => Task.Delay(Timeout.Infinite, stopping);

    [Fact]
    public async Task A_loop_that_fails_is_started_again_after_a_pause_that_grows()
    {
        await using var loop = new Loop(_time, (run, stopping) => run <= 12 ? throw new InvalidOperationException("the world failed") : ForeverAsync(stopping));
        await loop.StartAsync(CancellationToken.None);
        var longest = TimeSpan.Zero;
        for (var run = 1; run <= 12; run++)
        {
            await Eventually.TrueAsync(() => loop.Runs == run && _time.Timers == 1, $"run {run} did not fail and wait");
            var waited = TimeSpan.Zero;
            while (_time.Timers == 1 && loop.Runs == run)
            {
                waited += TimeSpan.FromMilliseconds(50);
                waited.ShouldBeLessThan(TimeSpan.FromSeconds(15.1));
                _time.Advance(TimeSpan.FromMilliseconds(50));
            }
            longest = waited > longest ? waited : longest;
        }
        await Eventually.TrueAsync(() => loop.Runs == 13, "it was not started again");
        longest.ShouldBeGreaterThan(TimeSpan.FromSeconds(2)); // far above the first pause, which is at most 0.2 s
    }

    [Fact]
    public async Task A_cancellation_that_is_not_ours_is_a_failure()
    {
        await using var loop = new Loop(_time, (run, stopping) => run == 1 ? throw new OperationCanceledException("a time limit inside") : ForeverAsync(stopping));
        await loop.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => _time.Timers == 1, "the failure was not noticed");
        _time.Advance(TimeSpan.FromSeconds(15));
        await Eventually.TrueAsync(() => loop.Runs == 2, "it was not started again");
    }

    [Fact]
    public async Task Stopping_waits_for_the_work_to_end()
    {
        var (asked, mayEnd) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var loop = new Loop(_time, async (_, stopping) =>
        {
            try
            {
                await ForeverAsync(stopping);
            }
            finally
            {
                asked.SetResult();
                await mayEnd.Task;
            }
        });
        await loop.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => loop.Runs == 1, "it did not start");

        var stopped = loop.StopAsync(CancellationToken.None);
        await asked.Task;
        stopped.IsCompleted.ShouldBeFalse();
        mayEnd.SetResult();
        await stopped;
        loop.Runs.ShouldBe(1);
    }

    [Fact]
    public async Task Stopping_has_no_more_patience_than_its_caller()
    {
        var release = new TaskCompletionSource();
        await using var loop = new Loop(_time, async (_, _) => await release.Task);
        await loop.StartAsync(CancellationToken.None);
        using var patience = new CancellationTokenSource();
        var stopped = loop.StopAsync(patience.Token);
        stopped.IsCompleted.ShouldBeFalse();
        await patience.CancelAsync();
        await stopped;
        release.SetResult();
    }

    [Fact]
    public async Task Stopping_ends_the_pause_after_a_failure()
    {
        await using var loop = new Loop(_time, (_, _) => throw new InvalidOperationException("always"));
        await loop.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => _time.Timers == 1, "it does not wait");
        await loop.StopAsync(CancellationToken.None);
        loop.Runs.ShouldBe(1);
    }

    [Fact]
    public async Task Stopping_and_disposing_may_come_in_any_order_and_number()
    {
        var loop = new Loop(_time, (_, stopping) => ForeverAsync(stopping));
        await loop.StopAsync(CancellationToken.None); // before it began
        await loop.StartAsync(CancellationToken.None);
        await loop.StopAsync(CancellationToken.None);
        await loop.DisposeAsync();
        await loop.DisposeAsync();
        await loop.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Work_that_ends_by_itself_is_over()
    {
        await using var loop = new Loop(_time, (_, _) => Task.CompletedTask);
        await loop.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => loop.Runs == 1, "it did not start");
        await loop.StopAsync(CancellationToken.None);
        loop.Runs.ShouldBe(1);
    }
}
