using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class SlotDirectoryTests
{
    [Fact]
    public void Hash_and_range_give_every_shard_its_share_to_within_one_slot() => Prop.ForAll(
        Gen.Choose(1, Id.SlotCount).ToArbitrary(), count =>
        {
            foreach (var directory in new[] { SlotDirectory.Hash(count), SlotDirectory.Range(count) })
            {
                var shares = Enumerable.Range(0, count).Select(shard => directory.SlotsOf(shard).Count()).ToList();
                shares.Sum().ShouldBe(Id.SlotCount);
                (shares.Max() - shares.Min()).ShouldBeLessThanOrEqualTo(1);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Range_placement_is_contiguous()
    {
        var directory = SlotDirectory.Range(10);

        Enumerable.Range(0, Id.SlotCount).Select(directory.ShardOf).ShouldBeInOrder();
    }

    [Fact]
    public void Hash_placement_is_slot_mod_shards()
    {
        var directory = SlotDirectory.Hash(4);

        Enumerable.Range(0, Id.SlotCount).ShouldAllBe(slot => directory.ShardOf(slot) == slot % 4);
    }

    [Fact]
    public void What_was_written_is_what_is_read() => Prop.ForAll(
        Gen.Choose(0, 6).ArrayOf(Id.SlotCount).ToArbitrary(), placement =>
        {
            var directory = SlotDirectory.Explicit(9, 7, placement);
            var back = SlotDirectory.FromBytes(9, 7, directory.ToBytes());
            Enumerable.Range(0, Id.SlotCount).Select(back.ShardOf).ShouldBe(placement);
            (back.Version, back.ShardCount).ShouldBe((9L, 7));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Moving_slots_makes_a_newer_version_and_touches_no_other_slot()
    {
        var before = SlotDirectory.Hash(4);

        var after = before.Moved([1, 5, 9], 3);

        after.Version.ShouldBe(before.Version + 1);
        Enumerable.Range(0, Id.SlotCount).ShouldAllBe(slot => after.ShardOf(slot) == (slot == 1 || slot == 5 || slot == 9 ? 3 : before.ShardOf(slot)));
    }

    [Fact]
    public void Impossible_placements_are_refused()
    {
        Should.Throw<ArgumentException>(() => SlotDirectory.Explicit(1, 2, [0, 1]));
        Should.Throw<ArgumentException>(() => SlotDirectory.Explicit(1, 2, new int[Id.SlotCount].Select((_, slot) => slot == 77 ? 2 : 0).ToList()));
        Should.Throw<ArgumentException>(() => SlotDirectory.Hash(0));
        Should.Throw<DataException>(() => SlotDirectory.FromBytes(1, 2, new byte[7]));
    }
}
