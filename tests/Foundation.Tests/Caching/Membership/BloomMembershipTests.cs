using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Caching.Membership;
using SkyRiff.Foundation.Tests.Resilience;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching.Membership;

/// <summary>Two processes' filters of one set, over a real Redis.</summary>
public sealed class BloomMembershipTests(RedisFixture fixture) : IClassFixture<RedisFixture>, IAsyncLifetime
{
    private static readonly CancellationToken Ct = CancellationToken.None;
    private static int _sets;

    private readonly ConcurrentDictionary<long, byte> _rows = new();
    private readonly List<IAsyncDisposable> _made = [];
    private readonly string _name = $"set{Interlocked.Increment(ref _sets)}";
    private int _reads;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        for (var index = _made.Count - 1; index >= 0; index--)
            await _made[index].DisposeAsync();
    }

    [Fact]
    public async Task What_does_not_exist_is_denied_and_what_one_process_announces_is_known_to_the_other()
    {
        Commit(Enumerable.Range(0, 1_000));
        var (here, there) = (await CompleteAsync(Options()), await CompleteAsync(Options()));
        _rows.Keys.ShouldAllBe(key => here.MayContain(key) && there.MayContain(key));
        Denied(here, 10_000..20_000).ShouldBeGreaterThan(9_800);

        for (var key = 50_000; key < 51_000; key++)
        {
            (await here.AnnounceAsync(key, Ct)).ShouldBeTrue();
            here.MayContain(key).ShouldBeTrue();
        }

        await Eventually.TrueAsync(() => Enumerable.Range(50_000, 1_000).All(key => there.MayContain(key)), "the announcements did not arrive");
        (await there.AnnounceAsync("ada"u8.ToArray(), Ct)).ShouldBeTrue();
        await Eventually.TrueAsync(() => here.MayContain("ada"u8), "the announcement did not arrive");
        here.MayContain("ada").ShouldBeTrue();
        here.MayContain("eve").ShouldBeFalse();
        here.MayContain(new string('x', 1_000)).ShouldBeTrue("what is too long is not looked at");
        here.For<(int Shelf, long Number)>(key => key.Number).MayContain((1, 50_000)).ShouldBeTrue();
        here.For<(int Shelf, long Number)>(key => key.Number).MayContain((1, 70_000)).ShouldBeFalse();
    }

    [Fact]
    public async Task Without_Redis_nothing_is_denied_and_what_was_missed_is_read_from_the_source_afterwards()
    {
        await using var own = await Testing.Redis.RedisServerProcess.StartAsync();
        Commit([1, 2, 3]);
        var here = await CompleteAsync(Options(), own.SocketPath);
        here.MayContain(99).ShouldBeFalse();

        own.Kill();
        await Eventually.TrueAsync(() => here.MayContain(99), "a lost connection left the filter denying");
        here.Status.IsComplete.ShouldBeFalse();
        (await here.AnnounceAsync(4, Ct)).ShouldBeFalse("nobody could be told");
        Commit([99]);

        await own.RestartAsync();
        await Eventually.TrueAsync(() => here.Status.IsComplete && !here.MayContain(100), "no new filter was made");
        here.MayContain(99).ShouldBeTrue();
    }

    [Fact]
    public async Task A_filter_is_fed_for_as_long_as_a_write_may_take_before_it_is_read()
    {
        var time = new FakeTime();
        var here = Make(Options() with { WriteDurationMax = TimeSpan.FromSeconds(30) }, fixture.Server.SocketPath, time);
        await here.StartAsync(Ct);
        await Eventually.TrueAsync(() => here.Status.Bytes > 0 && time.Timers >= 2, "the filter was not begun");
        time.Advance(TimeSpan.FromSeconds(29));
        _reads.ShouldBe(0, "a row announced before the filter began may not be committed yet");

        // Announced to nobody (the other process had no listener yet), committed late: the source knows it.
        Commit([7]);
        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(0.3));
            return here.Status.IsComplete && !here.MayContain(8);
        }, "the filter was not completed");
        here.MayContain(7).ShouldBeTrue();
    }

    [Fact]
    public async Task A_set_that_outgrows_its_filter_gets_a_larger_one_while_it_answers()
    {
        Commit(Enumerable.Range(0, 20_000));
        var here = await CompleteAsync(Options() with { KeysExpected = 100 });
        await Eventually.TrueAsync(() => here.Status is { IsComplete: true, IsSaturated: false }, "no larger filter was made");
        here.Status.Capacity.ShouldBeGreaterThanOrEqualTo(20_000);
        here.Status.Rate.ShouldBeLessThanOrEqualTo(0.01);
        Denied(here, 100_000..110_000).ShouldBeGreaterThan(9_800);
        _rows.Keys.ShouldAllBe(key => here.MayContain(key));
    }

    [Fact]
    public async Task A_set_too_large_for_the_memory_is_told_and_answered_with_more_maybes_never_with_a_wrong_no()
    {
        Commit(Enumerable.Range(0, 20_000));
        var here = await CompleteAsync(Options() with { KeysExpected = 100, BytesMax = 8_192 });
        await Eventually.TrueAsync(() => here.Status is { IsComplete: true, Bytes: 4_096 }, "the filter did not grow to its bound");
        here.Status.IsSaturated.ShouldBeTrue();
        here.Status.Rate.ShouldBeGreaterThan(0.5);
        _rows.Keys.ShouldAllBe(key => here.MayContain(key));
    }

    [Fact]
    public async Task What_was_deleted_is_forgotten_by_the_next_filter()
    {
        Commit([1, 2, 3]);
        var here = await CompleteAsync(Options() with { RebuildInterval = TimeSpan.FromSeconds(1) });
        here.MayContain(2).ShouldBeTrue();
        _rows.TryRemove(2, out _);
        await Eventually.TrueAsync(() => !here.MayContain(2), "the deleted key was not forgotten");
        here.MayContain(1).ShouldBeTrue();
    }

    [Fact]
    public async Task A_source_that_fails_is_tried_again_and_meanwhile_nothing_is_denied()
    {
        Commit([1]);
        var failures = 2;
        var here = Make(Options() with { ReadAll = token => Interlocked.Decrement(ref failures) >= 0 ? throw new IOException("the shard is away") : ReadAll(token) }, fixture.Server.SocketPath);
        await here.StartAsync(Ct);
        await Eventually.TrueAsync(() => here.Status.IsComplete && !here.MayContain(2), "the filter was not completed");
        failures.ShouldBe(-1);
    }

    [Fact]
    public void Mistakes_in_the_options_are_told_all_at_once()
    {
        var broken = new BloomMembershipOptions { Name = "{}", ReadAll = ReadAll, Rate = 0.9, BytesMax = 1, KeysExpected = 0 };
        var message = Should.Throw<ArgumentException>(() => Make(broken, fixture.Server.SocketPath)).Message;
        foreach (var name in new[] { "Name", "Rate", "BytesMax", "KeysExpected" })
            message.ShouldContain(name);
    }

    private static int Denied(BloomMembership membership, Range keys) => Enumerable.Range(keys.Start.Value, keys.End.Value - keys.Start.Value).Count(key => !membership.MayContain(key));

    private BloomMembershipOptions Options() => new() { Name = _name, ReadAll = ReadAll, WriteDurationMax = TimeSpan.Zero, KeysExpected = 10_000, DenialAge = TimeSpan.FromSeconds(2) };

    private BloomMembership Make(BloomMembershipOptions options, string socket, TimeProvider? time = null)
    {
        var redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(socket)], OutagePatience = TimeSpan.FromMilliseconds(100), TimeLimit = TimeSpan.FromSeconds(2) });
        _made.Add(redis);
        var membership = new BloomMembership(options, redis, time ?? TimeProvider.System, Entropy.Seeded(1), NullLogger<BloomMembership>.Instance);
        _made.Add(membership);
        return membership;
    }

    private async Task<BloomMembership> CompleteAsync(BloomMembershipOptions options, string? socket = null)
    {
        var membership = Make(options, socket ?? fixture.Server.SocketPath);
        await membership.StartAsync(Ct);
        await Eventually.TrueAsync(() => membership.Status.IsComplete && (membership.Status.Rate > 0.5 || !membership.MayContain(-1)), "the filter was not completed");
        return membership;
    }

    private void Commit(IEnumerable<int> keys)
    {
        foreach (var key in keys)
            _rows[key] = 0;
    }

    private async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAll([EnumeratorCancellation] CancellationToken cancellation)
    {
        Interlocked.Increment(ref _reads);
        foreach (var key in _rows.Keys)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return BloomMembership.BytesOf(key);
        }

        await Task.CompletedTask;
    }
}
