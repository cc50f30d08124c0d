using Shouldly;
using SkyRiff.Caching.Membership;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching.Membership;

public sealed class FilterGenerationsTests
{
    private readonly FakeTime _time = new();
    private readonly FilterGenerations _filters;

    public FilterGenerationsTests() => _filters = new FilterGenerations(_time);

    [Fact]
    public void Nothing_is_denied_before_a_filter_is_complete_and_the_channel_was_heard()
    {
        _filters.MayContain(1).ShouldBeTrue();
        var filter = _filters.Begin(New());
        _filters.HeardUntil(long.MaxValue);
        _filters.MayContain(1).ShouldBeTrue("it is being filled");
        _filters.Complete(filter).ShouldBeTrue();
        _filters.MayContain(1).ShouldBeFalse();

        _filters.HeardUntil(_time.GetTimestamp());
        _filters.MayContain(1).ShouldBeFalse();
        _time.Advance(TimeSpan.FromTicks(1));
        _filters.MayContain(1).ShouldBeTrue("what was announced since may not have arrived");
    }

    [Fact]
    public void A_loss_makes_everything_possible_until_a_filter_begun_after_it_is_complete()
    {
        var before = Answer();
        before.Keys.ShouldBe(0);
        var overtaken = _filters.Begin(New());
        _filters.Distrust();
        _filters.MayContain(1).ShouldBeTrue();
        _filters.Complete(overtaken).ShouldBeFalse("it missed what was lost");
        _filters.HeardUntil(long.MaxValue);
        _filters.MayContain(1).ShouldBeTrue();
        Answer();
        _filters.MayContain(1).ShouldBeFalse();
    }

    [Fact]
    public void What_is_added_during_a_rebuild_is_in_the_old_filter_and_in_the_new()
    {
        Answer();
        var next = _filters.Begin(New());
        _filters.Add(Hash(42));
        _filters.MayContain(Hash(42)).ShouldBeTrue();
        _filters.Complete(next);
        _filters.MayContain(Hash(42)).ShouldBeTrue();
        _filters.MayContain(Hash(43)).ShouldBeFalse();
    }

    [Fact]
    public void While_threads_add_and_filters_are_rebuilt_nothing_that_is_committed_is_ever_denied()
    {
        Answer();
        const int Keys = 40_000;
        var committed = new int[Keys];
        using var writes = new ReaderWriterLockSlim();
        var next = -1;
        var denied = 0;
        var done = false;

        // Writers announce, then commit. A rebuild begins, waits until every write that was under way is committed (in real life: WriteDurationMax), and reads.
        var writers = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            while (Interlocked.Increment(ref next) is var key && key < Keys)
            {
                writes.EnterReadLock();
                _filters.Add(Hash(key));
                Thread.Yield();
                Volatile.Write(ref committed[key], 1);
                writes.ExitReadLock();
            }
        })).ToList();
        var asker = new Thread(() =>
        {
            for (var at = 0L; !Volatile.Read(ref done); at += 7919)
            {
                var key = (int)(at % Keys);
                if (Volatile.Read(ref committed[key]) == 1 && !_filters.MayContain(Hash(key)))
                    Interlocked.Increment(ref denied);
            }
        });
        writers.ForEach(writer => writer.Start());
        asker.Start();
        var rebuilt = 0;
        while (writers.Exists(writer => writer.IsAlive) || rebuilt < 3)
        {
            var filter = _filters.Begin(New());
            writes.EnterWriteLock();
            writes.ExitWriteLock();
            for (var key = 0; key < Keys; key++)
            {
                if (Volatile.Read(ref committed[key]) == 1)
                    filter.Add(Hash(key));
            }

            _filters.Complete(filter).ShouldBeTrue();
            rebuilt++;
        }

        writers.ForEach(writer => writer.Join());
        Volatile.Write(ref done, true);
        asker.Join();
        denied.ShouldBe(0);
        Enumerable.Range(0, Keys).ShouldAllBe(key => _filters.MayContain(Hash(key)));
    }

    [Fact]
    public void A_question_allocates_nothing_whether_it_is_denied_or_not()
    {
        Answer();
        _filters.Add(Hash(1));
        Allocations.Of(() =>
        {
            _filters.MayContain(Hash(1));
            _filters.MayContain(Hash(2));
        }).ShouldBe(0);
    }

    private static ulong Hash(long key) => KeyHash.Of(key, 11);

    private static SplitBlockFilter New() => new(1 << 17, 50_000);

    private SplitBlockFilter Answer()
    {
        var filter = _filters.Begin(New());
        _filters.Complete(filter).ShouldBeTrue();
        _filters.HeardUntil(long.MaxValue);
        return filter;
    }
}
