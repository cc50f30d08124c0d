using Shouldly;
using SkyRiff.Kernel.Ids;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class IdTests
{
    [Fact]
    public void An_id_tells_its_slot_and_its_millisecond()
    {
        var time = Id.Epoch.AddDays(1000).AddMilliseconds(7);
        var id = Id.Compose(time, 1023, 4095);

        Id.SlotOf(id).ShouldBe(1023);
        Id.TimeOf(id).ShouldBe(time);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999")]
    [InlineData("١")]
    public void What_is_not_plain_decimal_is_no_id(string text) => Id.TryParse(text, out _).ShouldBeFalse();
}
