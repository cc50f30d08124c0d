using Shouldly;
using SkyRiff.Foundation.Tests.Resilience.Balancing;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Health;
using Xunit;
using static SkyRiff.Foundation.Tests.Resilience.Balancing.Groups;

namespace SkyRiff.Foundation.Tests.Resilience.Health;

public sealed class HealthTests
{
    private readonly Entropy _entropy = Entropy.Seeded(4);

    [Fact]
    public void Probes_need_three_bad_ones_to_fall_and_two_good_ones_to_rise_but_the_first_alone_decides()
    {
        var group = Of(1, 1);
        var endpoint = group.Current.Members[0];
        void Probe(params bool[] results)
        {
            foreach (var result in results) group.Probed(endpoint, result, 0);
        }

        Probe(false);
        endpoint.Probes.IsHealthy.ShouldBeFalse();
        Probe(true, false, true);
        endpoint.Probes.IsHealthy.ShouldBeFalse();
        Probe(true);
        endpoint.Probes.IsHealthy.ShouldBeTrue();
        Probe(false, false, true, false, false);
        endpoint.Probes.IsHealthy.ShouldBeTrue();
        Probe(false);
        Ids(group.Current.Available).ShouldBe([Name(1)]);
    }

    [Fact]
    public void A_probe_is_due_once_per_interval_with_jitter_and_sooner_when_unsure()
    {
        var group = Of(new EndpointGroupOptions { ActiveHealth = new ActiveHealthOptions { IsEnabled = true } }, 1);
        var endpoint = group.Current.Members[0];
        long Gap(long from)
        {
            endpoint.Probes.TryBeginProbe(from, _entropy).ShouldBeTrue();
            endpoint.Probes.TryBeginProbe(from, _entropy).ShouldBeFalse();
            var now = from;
            do now += Second / 100;
            while (!endpoint.Probes.TryBeginProbe(now, Entropy.Seeded(1)));
            return now - from;
        }

        group.Probed(endpoint, isGood: true, 0);
        var gaps = Enumerable.Range(1, 20).Select(i => Gap(i * 100 * Second)).ToList();
        gaps.ShouldAllBe(gap => gap >= 4_500_000_000 && gap <= 5_510_000_000);
        gaps.Distinct().Count().ShouldBeGreaterThan(5);
        group.Probed(endpoint, isGood: false, 0);
        Gap(5_000 * Second).ShouldBeInRange(900_000_000, 1_110_000_000);
    }

    [Fact]
    public void Five_failures_in_a_row_eject_for_thirty_seconds_and_the_next_time_for_sixty()
    {
        var group = Of(1, 1, 1);
        var bad = group.Current.Members[0];
        Fail(group, bad, 4, 0);
        Call(group, bad, Verdict.Refused, 0);
        Fail(group, bad, 4, 0);
        group.Current.Available.Length.ShouldBe(3);
        Fail(group, bad, 1, 0);

        Ids(group.At((30 * Second) - 1).Available).ShouldBe([Name(1), Name(2)]);
        group.At(30 * Second).Available.Length.ShouldBe(3);

        Fail(group, bad, 5, 31 * Second);
        group.At((91 * Second) - 1).Available.Length.ShouldBe(2);
        group.At(91 * Second).Available.Length.ShouldBe(3);
        bad.Outliers.Ejections.ShouldBe(2);
        Call(group, bad, Verdict.Succeeded, 102 * Second);
        Call(group, bad, Verdict.Succeeded, 113 * Second);
        bad.Outliers.Ejections.ShouldBe(0);
    }

    [Fact]
    public void Half_of_twenty_calls_in_an_interval_eject_although_never_five_in_a_row()
    {
        var group = Of(1, 1, 1);
        var bad = group.Current.Members[1];
        for (var i = 0; i < 9; i++)
        {
            Call(group, bad, Verdict.Failed, i);
            Call(group, bad, Verdict.Succeeded, i);
        }
        Call(group, bad, Verdict.Succeeded, 10);
        group.At(11).Available.Length.ShouldBe(3);
        Call(group, bad, Verdict.Failed, 12);
        group.At(13).Available.Length.ShouldBe(2);
    }

    [Fact]
    public void Never_more_than_the_share_is_ejected_and_the_last_one_never()
    {
        var group = Of(1, 1, 1, 1, 1);
        foreach (var member in group.Current.Members) Fail(group, member, 50, 0);
        group.At(1).Available.Length.ShouldBe(3);

        var pair = Of(1, 1);
        foreach (var member in pair.Current.Members) Fail(pair, member, 50, 0);
        pair.At(1).Available.Length.ShouldBe(1);

        var single = Of(1);
        Fail(single, single.Current.Members[0], 50, 0);
        single.At(1).Available.Length.ShouldBe(1);
        single.At(1).IsPanicking.ShouldBeFalse();
    }

    [Fact]
    public void With_too_few_left_all_are_used_but_the_draining()
    {
        var group = Of(Enumerable.Repeat(1, 10).ToArray());
        group.TryDrain(Name(9), isDraining: true, 0);
        var members = group.Current.Members.ToArray();
        for (var i = 0; i < 7; i++) group.Probed(members[i], isGood: false, 0);
        (group.Current.Available.Length, group.Current.IsPanicking).ShouldBe((2, false));

        group.Probed(members[7], isGood: false, 0);

        (group.Current.Available.Length, group.Current.IsPanicking).ShouldBe((9, true));
        Ids(group.Current.Available).ShouldNotContain(Name(9));
        for (var i = 0; i < 2; i++) group.Probed(members[0], isGood: true, 0);
        (group.Current.Available.Length, group.Current.IsPanicking).ShouldBe((2, false));
    }

    [Fact]
    public void A_good_probe_ends_an_ejection_early_and_who_returns_starts_slowly()
    {
        var group = Of(new EndpointGroupOptions { SlowStartDuration = TimeSpan.FromSeconds(10) }, 4, 4, 4);
        var bad = group.Current.Members[0];
        group.Probed(bad, isGood: false, 20 * Second);
        Fail(group, bad, 5, 20 * Second);
        group.Current.Available.Length.ShouldBe(2);
        group.Probed(bad, isGood: true, 21 * Second);
        group.Probed(bad, isGood: true, 22 * Second);

        group.Current.Available.Length.ShouldBe(3);
        bad.EffectiveWeight(22 * Second).ShouldBe(0.4, 1e-9);
        bad.EffectiveWeight(27 * Second).ShouldBe(2, 1e-9);
        bad.EffectiveWeight(32 * Second).ShouldBe(4);
        group.Current.Members[1].EffectiveWeight(22 * Second).ShouldBe(4);
    }

    [Fact]
    public void Who_leaves_drains_and_who_stays_keeps_what_is_known_about_it()
    {
        var group = Of(1, 1, 1);
        var (stays, leaves) = (group.Current.Members[0], group.Current.Members[1]);
        EndpointGroup.Begin(stays);
        EndpointGroup.Begin(leaves);

        var gone = group.Update([new EndpointSpec(Name(0), 7), new EndpointSpec(Name(2)), new EndpointSpec(Name(3))], 1);

        gone.ShouldBe([leaves]);
        (leaves.IsDraining, leaves.InFlight).ShouldBe((true, 1));
        group.Current.Members[0].ShouldBeSameAs(stays);
        (stays.Weight, stays.InFlight).ShouldBe((7, 1));
        group.End(leaves, Verdict.Succeeded, 1, 2);
        leaves.InFlight.ShouldBe(0);
        Ids(group.Current.Available).ShouldBe([Name(0), Name(2), Name(3)]);
        Should.Throw<ArgumentException>(() => group.Update([new EndpointSpec("a"), new EndpointSpec("a")], 3));
    }

    private static string[] Ids(ReadOnlySpan<Endpoint> endpoints) => [.. endpoints.ToArray().Select(endpoint => endpoint.Id)];

    private static void Fail(EndpointGroup group, Endpoint endpoint, int times, long now)
    {
        for (var i = 0; i < times; i++) Call(group, endpoint, Verdict.Failed, now);
    }

    private static void Call(EndpointGroup group, Endpoint endpoint, Verdict verdict, long now)
    {
        EndpointGroup.Begin(endpoint);
        group.End(endpoint, verdict, 1_000_000, now);
    }
}
