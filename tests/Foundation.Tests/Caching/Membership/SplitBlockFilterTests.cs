using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Caching.Membership;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching.Membership;

public sealed class SplitBlockFilterTests
{
    private const int Probes = 200_000;

    [Fact]
    public void What_was_added_is_never_denied() => Prop.ForAll(ArbMap.Default.ArbFor<(long[] Keys, ulong Seed, byte Blocks)>(), input =>
    {
        var filter = new SplitBlockFilter(input.Blocks * 64, 10);
        foreach (var key in input.Keys)
            filter.Add(KeyHash.Of(key, input.Seed));
        return input.Keys.All(key => filter.MayContain(KeyHash.Of(key, input.Seed)));
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1_000, 0.1)]
    [InlineData(10_000, 0.01)]
    [InlineData(100_000, 0.01)]
    [InlineData(100_000, 0.001)]
    [InlineData(20_000, 0.3)]
    public void False_positives_are_as_many_as_stated(int keys, double rate)
    {
        var filter = new SplitBlockFilter(SplitBlockFilter.BytesFor(keys, rate), keys);
        for (var key = 0; key < keys; key++)
            filter.Add(KeyHash.Of(key, 7));
        filter.IsSaturated.ShouldBeFalse();
        filter.Rate.ShouldBe(rate, rate * 0.2);

        Measured(filter, seed: 7).ShouldBeInRange(rate * 0.85 - Noise(rate), rate + Noise(rate));
    }

    [Fact]
    public void Beyond_its_capacity_it_says_so_and_states_the_rate_it_has_then()
    {
        var filter = new SplitBlockFilter(SplitBlockFilter.BytesFor(5_000, 0.01), 5_000);
        for (var key = 0; key < 10_000; key++)
            filter.Add(KeyHash.Of(key, 1));
        filter.IsSaturated.ShouldBeTrue();
        filter.Rate.ShouldBeGreaterThan(0.1);
        Measured(filter, seed: 1).ShouldBe(filter.Rate, 0.01);
        Enumerable.Range(0, 10_000).ShouldAllBe(key => filter.MayContain(KeyHash.Of(key, 1)));
    }

    [Fact]
    public void Size_and_capacity_are_each_others_inverse_and_cost_what_the_options_say()
    {
        foreach (var rate in new[] { 0.0001, 0.01, 0.5 })
            SplitBlockFilter.KeysFor(SplitBlockFilter.BytesFor(1_000_000, rate), rate).ShouldBeInRange(1_000_000, 1_000_100);
        (SplitBlockFilter.BytesFor(1_000_000, 0.01) * 8 / 1e6).ShouldBeInRange(10.0, 11.0);
    }

    [Fact]
    public void Threads_that_add_at_once_lose_nothing_and_count_about_right()
    {
        var filter = new SplitBlockFilter(SplitBlockFilter.BytesFor(80_000, 0.001), 80_000);
        Parallel.For(0, 8, worker =>
        {
            // Every key is added by two of them.
            for (var key = worker / 2 * 20_000; key < (worker / 2 * 20_000) + 20_000; key++)
                filter.Add(KeyHash.Of(key, 3));
        });
        Enumerable.Range(0, 80_000).ShouldAllBe(key => filter.MayContain(KeyHash.Of(key, 3)));
        filter.Keys.ShouldBeInRange(79_500, 88_000);
    }

    [Fact]
    public void Adding_and_asking_allocate_nothing()
    {
        var filter = new SplitBlockFilter(1 << 16, 1_000);
        var name = "a handle"u8.ToArray();
        Allocations.Of(() =>
        {
            for (var key = 0L; key < 1_000; key++)
            {
                filter.Add(KeyHash.Of(key, 5));
                filter.MayContain(KeyHash.Of(name, 5));
            }
        }).ShouldBe(0);
    }

    [Fact]
    public void A_number_is_the_same_key_as_its_bytes_and_every_byte_counts()
    {
        var bytes = new byte[sizeof(long)];
        foreach (var key in new[] { 0, 1, -1, long.MinValue, 1L << 40 })
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, key);
            KeyHash.Of(bytes, 9).ShouldBe(KeyHash.Of(key, 9));
        }

        var keys = new List<byte[]>();
        for (var length = 0; length <= 20; length++)
        {
            keys.Add(new byte[length]);
            for (var at = 0; at < length; at++)
            {
                var key = new byte[length];
                key[at] = 1;
                keys.Add(key);
            }
        }

        keys.Select(key => KeyHash.Of(key, 9)).ShouldBeUnique();
    }

    private static double Measured(SplitBlockFilter filter, ulong seed)
    {
        var positives = 0;
        for (var probe = 0; probe < Probes; probe++)
        {
            if (filter.MayContain(KeyHash.Of(-1L - probe, seed)))
                positives++;
        }

        return positives / (double)Probes;
    }

    /// <summary>Four standard deviations of so many probes.</summary>
    private static double Noise(double rate) => 4 * Math.Sqrt(rate * (1 - rate) / Probes);
}
