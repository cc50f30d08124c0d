using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Resilience.Balancing;
using Xunit;
using static SkyRiff.Foundation.Tests.Resilience.Balancing.Groups;

namespace SkyRiff.Foundation.Tests.Resilience.Balancing;

public sealed class HashingTests
{
    private const int Keys = 6_000;

    public static TheoryData<string> ByKey { get; } = ["ring_hash", "ring_hash_bounded", "maglev"];

    [Theory]
    [MemberData(nameof(ByKey))]
    public void Shares_follow_the_weights(string name)
    {
        var counts = Make(name).Count(Of(1, 2, 3, 4), 100_000);
        for (var i = 0; i < 4; i++) counts[Name(i)].ShouldBeInRange((i + 1) * 8_500, (i + 1) * 11_500);
    }

    [Theory]
    [MemberData(nameof(ByKey))]
    public void Every_process_agrees_whatever_the_order_it_was_told_in(string name)
    {
        var one = Of(1, 2, 3, 4, 5);
        var other = new EndpointGroup(new EndpointGroupOptions());
        other.Update(Specs(1, 2, 3, 4, 5).AsEnumerable().Reverse().ToList(), 0);
        Assign(Make(name), one).ShouldBe(Assign(Make(name), other));
    }

    [Fact]
    public void Adding_a_ring_member_moves_keys_only_to_it_and_only_its_share() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(1, 8)).Where(weights => weights.Length is >= 2 and <= 20).ToArbitrary(),
        weights =>
        {
            var balancer = new RingHash();
            var before = Assign(balancer, Of(weights));
            var after = Assign(balancer, Of([.. weights, 4]));
            var moved = before.Zip(after).Where(pair => pair.First != pair.Second).ToList();
            var share = 4.0 / (weights.Sum() + 4);
            return moved.All(pair => pair.Second == Name(weights.Length)) && moved.Count < Keys * share * 1.5;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_unavailable_ring_member_loses_only_its_own_keys_and_gets_them_back()
    {
        var balancer = new RingHash();
        var group = Of(1, 1, 2, 3);
        var before = Assign(balancer, group);
        group.TryDrain(Name(2), isDraining: true, 0);
        var during = Assign(balancer, group);
        for (var i = 0; i < Keys; i++)
        {
            if (before[i] == Name(2)) during[i].ShouldNotBe(Name(2));
            else during[i].ShouldBe(before[i]);
        }
        during.Where((_, i) => before[i] == Name(2)).Distinct().Count().ShouldBe(3); // spread, not dumped on one
        group.TryDrain(Name(2), isDraining: false, 0);
        Assign(balancer, group).ShouldBe(before);
    }

    [Fact]
    public void Maglev_moves_little_more_than_the_share_and_an_unavailable_one_only_its_own()
    {
        var balancer = new Maglev();
        var group = Of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
        var before = Assign(balancer, group);
        group.TryDrain(Name(4), isDraining: true, 0);
        var during = Assign(balancer, group);
        for (var i = 0; i < Keys; i++)
        {
            if (before[i] != Name(4)) during[i].ShouldBe(before[i]);
        }
        var after = Assign(new Maglev(), Of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
        before.Zip(after).Count(pair => pair.First != pair.Second).ShouldBeInRange(Keys / 11 * 9 / 10, Keys / 11 * 15 / 10);
    }

    [Fact]
    public void Bounded_load_is_never_exceeded_even_by_one_hot_key() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(1, 5)).Where(weights => weights.Length is >= 2 and <= 10).ToArbitrary(),
        Gen.Choose(1, 5).ToArbitrary(),
        Gen.ArrayOf(Gen.Choose(0, 9)).Resize(300).ToArbitrary(),
        (weights, hotKeys, moves) =>
        {
            var group = Of(weights);
            var balancer = new BoundedRingHash();
            var running = new List<Endpoint>();
            foreach (var move in moves)
            {
                if (move < 3 && running.Count > 0)
                {
                    group.End(running[^1], SkyRiff.Resilience.Calls.Verdict.Succeeded, 1, 0);
                    running.RemoveAt(running.Count - 1);
                    continue;
                }
                var chosen = balancer.Choose(group.Current, new Pick(0, Key(move % hotKeys)))!;
                EndpointGroup.Begin(chosen);
                running.Add(chosen);
                if (chosen.InFlight > Math.Ceiling(1.25 * running.Count * chosen.Weight / weights.Sum())) return false;
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_key_stays_where_it_is_while_loads_are_even()
    {
        var group = Of(Enumerable.Repeat(1, 10).ToArray());
        Assign(new BoundedRingHash(), group).ShouldBe(Assign(new RingHash(), group));
    }

    [Fact]
    public void A_ring_is_bounded_however_heavy_its_members() =>
        new ConsistentHashRing([.. Enumerable.Range(0, 100).Select(i => ((ulong)i, 1_000))]).Points.ShouldBeInRange(ConsistentHashRing.PointsMax / 2, ConsistentHashRing.PointsMax);

    private static Balancer Make(string name) => Balancer.Create(name, SkyRiff.Kernel.Entropy.Seeded(1))!;

    private static string[] Assign(Balancer balancer, EndpointGroup group) =>
        [.. Enumerable.Range(0, Keys).Select(i => balancer.Choose(group.Current, new Pick(0, Key(i)))!.Id)];
}
