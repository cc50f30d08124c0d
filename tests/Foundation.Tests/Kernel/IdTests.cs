using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Kernel.Ids;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class IdTests
{
    private static readonly DateTimeOffset LastMoment = Id.Epoch.AddMilliseconds((1L << 41) - 1);

    private static Arbitrary<(long Milliseconds, int Slot, int Sequence)> Parts => (
        from high in Gen.Choose(0, (1 << 20) - 1)
        from low in Gen.Choose(0, (1 << 21) - 1)
        from slot in Gen.Choose(0, Id.SlotCount - 1)
        from sequence in Gen.Choose(0, 4095)
        select (((long)high << 21) | (uint)low, slot, sequence)).ToArbitrary();

    [Fact]
    public void An_id_tells_its_slot_and_its_millisecond() => Prop.ForAll(Parts, parts =>
    {
        var id = Id.Compose(Id.Epoch.AddMilliseconds(parts.Milliseconds), parts.Slot, parts.Sequence);
        return id >= 0 && Id.SlotOf(id) == parts.Slot && Id.TimeOf(id) == Id.Epoch.AddMilliseconds(parts.Milliseconds);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Ids_are_in_the_order_of_their_time_whatever_their_slots() => Prop.ForAll(Parts, Parts, (one, two) =>
        one.Milliseconds == two.Milliseconds
        || Id.Compose(Id.Epoch.AddMilliseconds(one.Milliseconds), one.Slot, one.Sequence).CompareTo(Id.Compose(Id.Epoch.AddMilliseconds(two.Milliseconds), two.Slot, two.Sequence))
            == one.Milliseconds.CompareTo(two.Milliseconds)).QuickCheckThrowOnFailure();

    [Fact]
    public void What_an_id_is_written_as_is_read_as_the_same_id() => Prop.ForAll(Parts, parts =>
    {
        var id = Id.Compose(Id.Epoch.AddMilliseconds(parts.Milliseconds), parts.Slot, parts.Sequence);
        return id == 0 || (Id.TryParse(id.ToString(), out var read) && read == id);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_text_that_is_read_as_an_id_is_how_that_id_is_written() => Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
        !Id.TryParse(text, out var id) || id.ToString() == text).QuickCheckThrowOnFailure();

    [Fact]
    public void A_floor_is_below_every_id_of_its_time()
    {
        Id.FloorAt(LastMoment).ShouldBeLessThanOrEqualTo(Id.Compose(LastMoment, 0, 0));
        Id.FloorAt(DateTimeOffset.UnixEpoch).ShouldBe(0);
    }

    [Fact]
    public void The_id_space_has_an_end_that_is_told_and_not_wrapped_over()
    {
        Id.Compose(LastMoment, 1023, 4095).ShouldBe(long.MaxValue);
        Should.Throw<ArgumentOutOfRangeException>(() => Id.Compose(LastMoment.AddMilliseconds(1), 0, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => Id.Compose(Id.Epoch.AddTicks(-1), 0, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => Id.Compose(Id.Epoch, 1024, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => Id.Compose(Id.Epoch, 0, 4096));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1\0")]
    [InlineData("1_000")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999")]
    [InlineData("١")]
    public void What_is_not_plain_decimal_is_no_id(string text) => Id.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Json_has_ids_as_strings_and_as_nothing_else()
    {
        var options = new JsonSerializerOptions { Converters = { new TypedIdJson() } };
        JsonSerializer.Serialize(new ThingId(42), options).ShouldBe("\"42\"");
        JsonSerializer.Deserialize<ThingId>("\"42\"", options).ShouldBe(new ThingId(42));
        JsonSerializer.Serialize(new Dictionary<ThingId, int> { [new ThingId(42)] = 1 }, options).ShouldBe("{\"42\":1}");
        foreach (var json in new[] { "42", "\"042\"", "\"x\"", "null", "\"\"", "[\"42\"]", "\"-1\"", "true" }) Should.Throw<JsonException>(() => JsonSerializer.Deserialize<ThingId>(json, options), json);
    }

    private readonly record struct ThingId(long Value) : ITypedId<ThingId>
    {
        public static ThingId Of(long value) => new(value);
    }
}
