using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Caching.Writing;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching.Writing;

public sealed class WriteBehindTests : IAsyncLifetime
{
    private static readonly CancellationToken Ct = CancellationToken.None;
    private static readonly WriteBehindOptions Options = new() { Name = "views", Delay = TimeSpan.FromSeconds(1), BatchMax = 10, KeysMax = 20, RetryDelayBase = TimeSpan.FromMilliseconds(100), RetryDelayMax = TimeSpan.FromSeconds(1) };

    private readonly FakeTime _time = new();
    private readonly Store _store = new();
    private readonly List<IAsyncDisposable> _made = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _store.Fails = null;
        foreach (var one in _made)
        {
            var disposing = one.DisposeAsync().AsTask();
            await Eventually.TrueAsync(() =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return disposing.IsCompleted;
            }, "stopping did not end");
        }
    }

    [Fact]
    public async Task Changes_of_a_key_add_up_and_are_written_once_when_their_time_has_come()
    {
        var behind = Make(Options);
        for (var view = 0; view < 5; view++)
            (await behind.PutAsync("a", 1, Ct)).ShouldBeTrue();
        await behind.PutAsync("b", 7, Ct);
        await AdvanceAsync(Options.Delay - TimeSpan.FromTicks(1));
        _store.Batches.ShouldBeEmpty();
        behind.Status.OldestAge.ShouldBe(Options.Delay - TimeSpan.FromTicks(1));

        await AdvanceAsync(TimeSpan.FromTicks(1));
        await Eventually.TrueAsync(() => behind.Status is { Written: 2, Waiting: 0 }, "the batch was not written");
        _store.Batches.Single().Changes.ShouldBe([KeyValuePair.Create("a", 5L), KeyValuePair.Create("b", 7L)]);
        behind.Status.OldestAge.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public async Task A_full_batch_does_not_wait()
    {
        var behind = Make(Options);
        for (var key = 0; key < 10; key++)
            await behind.PutAsync($"k{key}", 1, Ct);
        await Eventually.TrueAsync(() => behind.Status.Written == 10, "the full batch was not written");
        _store.Batches.Count.ShouldBe(1);
    }

    [Fact]
    public async Task With_the_right_merge_the_last_one_wins()
    {
        var behind = Make(Options, (_, newer) => newer);
        await behind.PutAsync("a", 1, Ct);
        await behind.PutAsync("a", 2, Ct);
        await behind.DisposeAsync();
        _store.Sums["a"].ShouldBe(2);
    }

    [Fact]
    public async Task A_failed_write_is_tried_again_with_its_id_and_nothing_is_lost()
    {
        _store.Fails = new IOException("the shard is away");
        var behind = Make(Options);
        await behind.PutAsync("a", 1, Ct);
        await AdvanceAsync(Options.Delay);
        await Eventually.TrueAsync(() => _store.Attempts.Count == 1, "it was not tried");
        await behind.PutAsync("a", 10, Ct);
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            return _store.Attempts.Count == 4;
        }, "it was not tried again");
        behind.Status.Failures.ShouldBeGreaterThanOrEqualTo(3);
        behind.Status.OldestAge.ShouldBeGreaterThan(Options.Delay, "the loss window reaches back to the first failure");
        _store.Attempts.Distinct().Count().ShouldBe(1, "a retry has the id of its batch");

        _store.Fails = null;
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            return behind.Status.Waiting == 0;
        }, "it was not written");
        _store.Sums["a"].ShouldBe(11);
    }

    [Fact]
    public async Task What_has_no_room_is_refused_and_what_waits_already_needs_none()
    {
        _store.Fails = new IOException("the shard is away");
        var behind = Make(Options);
        for (var key = 0; key < 20; key++)
            (await behind.PutAsync($"k{key}", 1, Ct)).ShouldBeTrue();
        (await behind.PutAsync("another", 1, Ct)).ShouldBeFalse();
        (await behind.PutAsync("k19", 1, Ct)).ShouldBeTrue();
        behind.Status.Refused.ShouldBe(1);
        behind.Status.Waiting.ShouldBe(20);
    }

    [Fact]
    public async Task What_has_no_room_is_written_by_its_caller_where_the_options_say_so()
    {
        var hang = new TaskCompletionSource();
        _store.Waits = hang.Task;
        var behind = Make(Options with { WhenFull = WhenFull.WriteThrough });
        for (var key = 0; key < 20; key++)
            await behind.PutAsync($"k{key}", 1, Ct);
        await Eventually.TrueAsync(() => _store.Attempts.Count == 1, "the full batch was not tried");
        _store.Waits = Task.CompletedTask;
        (await behind.PutAsync("another", 1, Ct)).ShouldBeTrue();
        _store.Sums["another"].ShouldBe(1);
        behind.Status.WrittenThrough.ShouldBe(1);
        _store.Fails = new IOException("the shard is away");
        await Should.ThrowAsync<IOException>(async () => await behind.PutAsync("yet another", 1, Ct));
        _store.Fails = null;
        hang.SetResult();
    }

    [Fact]
    public async Task A_crash_loses_what_came_within_the_delay_and_nothing_older()
    {
        var behind = Make(Options);
        var promised = new List<(string Key, DateTimeOffset At)>();
        for (var step = 0; step < 50; step++)
        {
            promised.Add(($"k{step}", _time.GetUtcNow()));
            await behind.PutAsync($"k{step}", 1, Ct);
            await AdvanceAsync(TimeSpan.FromMilliseconds(150));
            var due = promised.Count(put => _time.GetUtcNow() - put.At >= Options.Delay);
            await Eventually.TrueAsync(() => _store.Sums.Count >= due, "what was due was not written");
        }

        // Here the process dies: nobody disposes, nobody drains. What the store lacks is younger than the delay.
        var crashed = _time.GetUtcNow();
        var lost = promised.Where(put => !_store.Sums.ContainsKey(put.Key)).ToList();
        lost.ShouldNotBeEmpty();
        lost.ShouldAllBe(put => crashed - put.At < Options.Delay);
        behind.Status.OldestAge.ShouldBe(crashed - lost[0].At);
    }

    [Fact]
    public async Task Stopping_writes_what_is_left_and_refuses_what_comes_then()
    {
        var behind = Make(Options);
        for (var key = 0; key < 15; key++)
            await behind.PutAsync($"k{key}", 1, Ct);
        await behind.DisposeAsync();
        await behind.DisposeAsync();
        _store.Sums.Count.ShouldBe(15);
        (await behind.PutAsync("late", 1, Ct)).ShouldBeFalse();
        behind.Status.ShouldBe(new WriteBehindStatus(0, TimeSpan.Zero, 15, 1, 0, 0, 0));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stopping_ends_within_its_bound_and_tells_what_was_lost(bool hangs)
    {
        if (hangs)
            _store.Waits = new TaskCompletionSource().Task;
        else
            _store.Fails = new IOException("the shard is away");
        var behind = Make(Options);
        for (var key = 0; key < 15; key++)
            await behind.PutAsync($"k{key}", 1, Ct);
        var stopping = behind.DisposeAsync().AsTask();
        await Eventually.TrueAsync(() => _store.Attempts.Count > 0, "it was not tried");
        var began = _time.GetUtcNow();
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            return stopping.IsCompleted;
        }, "stopping did not end");
        (_time.GetUtcNow() - began).ShouldBeLessThan(Options.StopDurationMax + TimeSpan.FromSeconds(2));
        behind.Status.Dropped.ShouldBe(15);
        behind.Status.Waiting.ShouldBe(0);
    }

    [Fact]
    public async Task A_write_that_hangs_is_cut_off_and_tried_again()
    {
        _store.Waits = new TaskCompletionSource().Task;
        var behind = Make(Options);
        await behind.PutAsync("a", 1, Ct);
        await AdvanceAsync(Options.Delay);
        await Eventually.TrueAsync(() => _store.Attempts.Count == 1, "it was not tried");
        _store.Waits = Task.CompletedTask;
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return behind.Status.Written == 1;
        }, "it was not written");
        behind.Status.Failures.ShouldBe(1);
    }

    [Fact]
    public async Task One_hopeless_key_is_found_and_dropped_and_the_others_are_written()
    {
        _store.Poison = "k3";
        var behind = Make(Options);
        for (var key = 0; key < 10; key++)
            await behind.PutAsync($"k{key}", 1, Ct);
        await Eventually.TrueAsync(() => behind.Status is { Written: 9, Dropped: 1, Waiting: 0 }, "the batch was not divided");
        _store.Sums.Keys.Order().ShouldBe(["k0", "k1", "k2", "k4", "k5", "k6", "k7", "k8", "k9"]);
        behind.Status.Failures.ShouldBe(0);
    }

    [Fact]
    public void However_changes_come_and_batches_go_every_change_is_in_exactly_one_batch() =>
        Prop.ForAll(ArbMap.Default.ArbFor<(byte Key, short Change, bool Takes)[]>(), steps =>
        {
            var pending = new PendingChanges<int, long>(8, 3, (older, newer) => older + newer);
            var (taken, written, writing) = (new Dictionary<int, long>(), new Dictionary<int, long>(), new List<KeyValuePair<int, long>>());
            var now = 0L;
            foreach (var (key, change, takes) in steps)
            {
                if (pending.TryPut(key % 16, change, ++now))
                    taken[key % 16] = taken.GetValueOrDefault(key % 16) + change;
                else if (pending.Count < 8)
                    return false;
                if (!takes)
                    continue;
                Settle();
                writing = pending.Take();
            }

            while (pending.WaitingSince is not null)
            {
                Settle();
                writing = pending.Take();
                if (writing.Count > 3)
                    return false;
            }

            Settle();
            return pending.Count == 0 && pending.Since is null && taken.Count == written.Count && taken.All(pair => written[pair.Key] == pair.Value);

            void Settle()
            {
                foreach (var (key, change) in writing)
                    written[key] = written.GetValueOrDefault(key) + change;
                pending.Settle(writing.Count);
                writing = [];
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Mistakes_in_the_options_are_told_all_at_once()
    {
        var message = Should.Throw<ArgumentException>(() => Make(Options with { BatchMax = 0, KeysMax = -1, Delay = TimeSpan.Zero })).Message;
        foreach (var name in new[] { "BatchMax", "KeysMax", "Delay" })
            message.ShouldContain(name);
    }

    private WriteBehind<string, long> Make(WriteBehindOptions options, Func<long, long, long>? merge = null)
    {
        var behind = new WriteBehind<string, long>(
            options, merge ?? ((older, newer) => older + newer), _store.WriteAsync, failure => failure is InvalidDataException, _time, Entropy.Seeded(1), NullLogger.Instance);
        _made.Add(behind);
        return behind;
    }

    /// <summary>Moves the clock once the writer waits for it.</summary>
    private async Task AdvanceAsync(TimeSpan duration)
    {
        await Eventually.TrueAsync(() => _time.Timers > 0, "nobody waits for the clock");
        _time.Advance(duration);
    }

    private sealed class Store
    {
        private readonly Lock _lock = new();
        private readonly List<WriteBatch<string, long>> _batches = [];
        private readonly List<long> _attempts = [];
        private readonly Dictionary<string, long> _sums = [];

        public volatile Exception? Fails;
        public volatile string? Poison;
        public volatile Task Waits = Task.CompletedTask;

        public IReadOnlyList<WriteBatch<string, long>> Batches => Read(() => _batches.ToList());

        public IReadOnlyList<long> Attempts => Read(() => _attempts.ToList());

        public IReadOnlyDictionary<string, long> Sums => Read(() => _sums.ToDictionary());

        public async Task WriteAsync(WriteBatch<string, long> batch, CancellationToken cancellation)
        {
            lock (_lock)
                _attempts.Add(batch.Id);
            if (Fails is { } failure)
                throw failure;
            await Waits.WaitAsync(cancellation);
            if (batch.Changes.Any(change => change.Key == Poison))
                throw new InvalidDataException("a key that cannot be written");
            lock (_lock)
            {
                _batches.Add(batch);
                foreach (var (key, change) in batch.Changes)
                    _sums[key] = _sums.GetValueOrDefault(key) + change;
            }
        }

        private T Read<T>(Func<T> read)
        {
            lock (_lock)
                return read();
        }
    }
}
