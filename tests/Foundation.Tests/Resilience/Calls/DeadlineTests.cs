using Shouldly;
using SkyRiff.Resilience.Calls;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Calls;

public sealed class DeadlineTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void The_remaining_time_falls_hop_by_hop()
    {
        var atGateway = Deadline.After(TimeSpan.FromSeconds(5), 10 * Second);
        Span<byte> field = stackalloc byte[16];
        atGateway.Less(TimeSpan.FromMilliseconds(50)).TryFormat(11 * Second, field, out var written).ShouldBeTrue();
        System.Text.Encoding.ASCII.GetString(field[..written]).ShouldBe("3950");

        Deadline.TryParse(field[..written], 500 * Second, out var atService).ShouldBeTrue();
        atService.Remaining(501 * Second).ShouldBe(TimeSpan.FromMilliseconds(2_950));
        atService.Within(TimeSpan.FromSeconds(2), 500 * Second).Remaining(501 * Second).ShouldBe(TimeSpan.FromSeconds(1));
        atService.HasPassed((503 * Second) + (950 * (Second / 1_000))).ShouldBeTrue();
        atService.HasPassed((503 * Second) + (950 * (Second / 1_000)) - 1).ShouldBeFalse();
    }

    [Fact]
    public void A_deadline_that_has_passed_is_written_as_zero_and_none_is_not_written()
    {
        Span<byte> field = stackalloc byte[16];
        Deadline.After(TimeSpan.FromSeconds(1), 0).TryFormat(9 * Second, field, out var written).ShouldBeTrue();
        System.Text.Encoding.ASCII.GetString(field[..written]).ShouldBe("0");
        Deadline.None.TryFormat(0, field, out _).ShouldBeFalse();
        Deadline.None.HasPassed(long.MaxValue).ShouldBeFalse();
        Deadline.After(TimeSpan.MaxValue, Second).IsNone.ShouldBeTrue();
        Deadline.After(TimeSpan.Zero, 0).HasPassed(0).ShouldBeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1.5")]
    [InlineData("0x10")]
    [InlineData("1000000000")]
    public void What_is_not_up_to_nine_digits_is_no_deadline(string value)
    {
        Deadline.TryParse(System.Text.Encoding.ASCII.GetBytes(value), 0, out var deadline).ShouldBeFalse();
        deadline.IsNone.ShouldBeTrue();
    }

    [Theory]
    [InlineData("1H", 3_600_000)]
    [InlineData("2M", 120_000)]
    [InlineData("3S", 3_000)]
    [InlineData("250m", 250)]
    [InlineData("5000u", 5)]
    [InlineData("7000000n", 7)]
    public void Grpc_timeouts_have_units(string value, int milliseconds)
    {
        Deadline.TryParseGrpcTimeout(System.Text.Encoding.ASCII.GetBytes(value), Second, out var deadline).ShouldBeTrue();
        deadline.Remaining(Second).ShouldBe(TimeSpan.FromMilliseconds(milliseconds));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("S")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    public void What_grpc_does_not_know_is_refused(string value) => Deadline.TryParseGrpcTimeout(System.Text.Encoding.ASCII.GetBytes(value), 0, out _).ShouldBeFalse();
}
