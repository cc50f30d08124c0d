using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Calls;
using SkyRiff.Testing;
using Xunit;
using static SkyRiff.Foundation.Tests.Resilience.Balancing.Groups;

namespace SkyRiff.Foundation.Tests.Resilience.Balancing;

public sealed class BalancerTests
{
    public static TheoryData<string> Names { get; } = [.. Balancer.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Chooses_only_who_is_available_avoids_where_it_failed_and_allocates_nothing(string name)
    {
        var balancer = Balancer.Create(name, Entropy.Seeded(5))!;
        balancer.Name.ShouldBe(name);
        var group = Of(1, 2, 3, 4, 5);
        group.TryDrain(Name(2), isDraining: true, 0);
        var set = group.Current;
        var avoid = set.Members[4];

        for (var i = 0; i < 5_000; i++) balancer.Choose(set, new Pick(0, Key(i), avoid)).ShouldBeOneOf(set.Members[0], set.Members[1], set.Members[3]);
        Allocations.Of(() =>
        {
            for (var i = 0; i < 5_000; i++) balancer.Choose(set, new Pick(0, Key(i)));
        }).ShouldBe(0);

        foreach (var member in set.Members) group.TryDrain(member.Id, member != avoid, 0);
        balancer.Choose(group.Current, new Pick(0, 1, avoid)).ShouldBe(avoid);
        group.TryDrain(avoid.Id, isDraining: true, 0);
        balancer.Choose(group.Current, new Pick(0, 1)).ShouldBeNull();
    }

    [Fact]
    public void A_name_that_nobody_has_makes_nothing() => Balancer.Create("fastest", Entropy.Seeded(1)).ShouldBeNull();

    [Fact]
    public void Round_robin_is_exactly_even() => new RoundRobin().Count(Of(1, 1, 1, 9), 4_000).Values.ShouldAllBe(count => count == 1_000);

    [Fact]
    public void Smooth_weighted_round_robin_is_exact_in_every_cycle_and_spreads_the_heavy_one() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(1, 20)).Where(weights => weights.Length is >= 2 and <= 12).ToArbitrary(),
        weights =>
        {
            var group = Of(weights);
            var balancer = new SmoothWeightedRoundRobin();
            var sum = weights.Sum();
            for (var cycle = 0; cycle < 3; cycle++)
            {
                var counts = balancer.Count(group, sum);
                for (var i = 0; i < weights.Length; i++)
                {
                    if (counts[Name(i)] != weights[i]) return false;
                }
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Smooth_weighted_round_robin_interleaves_as_nginx_does()
    {
        var group = Of(5, 1, 1);
        var balancer = new SmoothWeightedRoundRobin();
        string.Concat(Enumerable.Range(0, 7).Select(_ => balancer.Choose(group.Current, default)!.Id[7])).ShouldBe("0010200");
    }

    [Fact]
    public void Least_requests_fills_in_proportion_to_weight()
    {
        var group = Of(1, 2, 3);
        var balancer = new LeastRequests();
        for (var i = 0; i < 600; i++) EndpointGroup.Begin(balancer.Choose(group.Current, new Pick(0))!);
        foreach (var endpoint in group.Current.Members) endpoint.InFlight.ShouldBeInRange((endpoint.Weight * 100) - 2, (endpoint.Weight * 100) + 2);
    }

    [Fact]
    public void Two_choices_keep_the_fullest_far_closer_to_the_mean_than_one_does()
    {
        var group = Of(Enumerable.Repeat(1, 100).ToArray());
        var balancer = new PowerOfTwoChoices(Entropy.Seeded(9));
        for (var i = 0; i < 10_000; i++) EndpointGroup.Begin(balancer.Choose(group.Current, new Pick(0))!);
        group.Current.Members.ToArray().Max(endpoint => endpoint.InFlight).ShouldBeLessThanOrEqualTo(104); // one choice: about 125
    }

    [Fact]
    public void Least_latency_sends_the_slow_one_little_and_the_hanging_one_next_to_nothing()
    {
        var group = Of(1, 1, 1, 1);
        var balancer = new LeastLatency(Entropy.Seeded(2));
        long[] latencies = [1_000_000, 1_000_000, 10_000_000, 1_000_000_000]; // 1, 1, 10 and 1,000 ms
        var ends = new PriorityQueue<(Endpoint Endpoint, long Began), long>();
        var counts = new int[4];
        for (var i = 0; i < 20_000; i++)
        {
            var now = Second + (i * 500_000L); // 2,000 a second for 10 s
            while (ends.TryPeek(out var call, out var end) && end <= now)
            {
                ends.Dequeue();
                group.End(call.Endpoint, Verdict.Succeeded, end - call.Began, end);
            }
            var set = group.Current;
            var chosen = balancer.Choose(set, new Pick(now))!;
            var index = set.Members.IndexOf(chosen);
            counts[index]++;
            EndpointGroup.Begin(chosen);
            ends.Enqueue((chosen, now), now + latencies[index]);
        }
        counts[2].ShouldBeLessThan(3_700); // it is one of two with the hanging one in a sixth of the picks
        counts[3].ShouldBeLessThan(40);
        Math.Abs(counts[0] - counts[1]).ShouldBeLessThan(1_500);
    }

    [Fact]
    public void Least_latency_does_not_mistake_failing_fast_for_being_fast()
    {
        var group = Of(new EndpointGroupOptions { PassiveHealth = new() { IsEnabled = false } }, 1, 1);
        var balancer = new LeastLatency(Entropy.Seeded(2));
        var failed = 0;
        for (var i = 0; i < 10_000; i++)
        {
            var now = Second + (i * 1_000_000L);
            var chosen = balancer.Choose(group.Current, new Pick(now))!;
            EndpointGroup.Begin(chosen);
            var isBad = chosen.Id == Name(0);
            if (isBad) failed++;
            group.End(chosen, isBad ? Verdict.Failed : Verdict.Succeeded, isBad ? 1_000 : 5_000_000, now);
        }
        failed.ShouldBeLessThan(100);
    }

    [Fact]
    public void A_newcomer_starts_slowly_and_reaches_its_share()
    {
        var group = new EndpointGroup(new EndpointGroupOptions { SlowStartDuration = TimeSpan.FromSeconds(100) });
        group.Update(Specs(1, 1, 1), -200 * Second);
        group.Update(Specs(1, 1, 1, 1), 0);
        foreach (var balancer in new Balancer[] { new SmoothWeightedRoundRobin(), new LeastRequests() })
        {
            int Share(long now) => balancer.Count(group, 4_000, inFlight: 400, now)[Name(3)];

            Share(0).ShouldBeInRange(100, 160); // a tenth of a share of 3.1
            Share(50 * Second).ShouldBeInRange(520, 620);
            Share(100 * Second).ShouldBeInRange(980, 1_020);
        }
    }
}
