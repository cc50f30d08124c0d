using Shouldly;
using SkyRiff.Resilience.Limits;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

public sealed class RateLimitFieldsTests
{
    private static readonly LimitPolicy User = new("user", 1_000, TimeSpan.FromSeconds(60));

    [Fact]
    public void Policies_are_a_structured_list() => RateLimitFields.FormatPolicies(
        [
            new LimitPolicy("address", 100, TimeSpan.FromMilliseconds(300)),
            User,
            new LimitPolicy("say \"hi\"", 5, TimeSpan.Zero, QuotaUnit.ConcurrentRequests),
            new LimitPolicy("upload", long.MaxValue, TimeSpan.FromDays(1), QuotaUnit.ContentBytes),
        ])
        .ShouldBe("""
            "address";q=100;w=1, "user";q=1000;w=60, "say \"hi\"";q=5;qu="concurrent-requests", "upload";q=999999999999999;qu="content-bytes";w=86400
            """);

    [Fact]
    public void The_limit_tells_what_is_left_and_when_it_changes()
    {
        RateLimitFields.FormatLimit(User, new LimitDecision(true, 1_000, 12, TimeSpan.FromSeconds(30.2), TimeSpan.Zero)).ShouldBe("\"user\";r=12;t=31");
        RateLimitFields.FormatLimit(User, new LimitDecision(true, 1_000, 1_000, TimeSpan.Zero, TimeSpan.Zero)).ShouldBe("\"user\";r=1000");
        RateLimitFields.FormatLimit(User, new LimitDecision(false, 1_000, 0, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(2.5))).ShouldBe("\"user\";r=0;t=3");
    }

    [Fact]
    public void A_partition_key_is_a_byte_sequence()
    {
        Span<byte> buffer = stackalloc byte[64];
        RateLimitFields.TryFormatPolicy(User, "cdn"u8, buffer, out var written).ShouldBeTrue();
        System.Text.Encoding.ASCII.GetString(buffer[..written]).ShouldBe("\"user\";q=1000;w=60;pk=:Y2Ru:");
    }

    [Fact]
    public void Retry_after_is_whole_seconds_rounded_up_and_never_zero()
    {
        static string Of(TimeSpan wait) => RateLimitFields.FormatRetryAfter(new LimitDecision(false, 1, 0, wait, wait));

        Of(TimeSpan.FromMilliseconds(1)).ShouldBe("1");
        Of(TimeSpan.Zero).ShouldBe("1");
        Of(TimeSpan.FromSeconds(30)).ShouldBe("30");
        Of(TimeSpan.FromSeconds(30.001)).ShouldBe("31");
        Of(LimitDecision.Never).ShouldBe("86400");
    }

    [Fact]
    public void A_short_buffer_is_refused_at_every_length()
    {
        var decision = new LimitDecision(false, 10, 3, TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(9));
        var whole = RateLimitFields.FormatLimit(User, decision).Length;
        for (var length = 0; length < whole; length++)
        {
            RateLimitFields.TryFormatLimit(User, decision, [], new byte[length], out var written).ShouldBeFalse();
            written.ShouldBe(0);
        }
        RateLimitFields.TryFormatLimit(User, decision, [], new byte[whole], out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData("new\r\nline")]
    [InlineData("ünder")]
    public void A_name_that_cannot_be_a_header_is_refused(string name) =>
        Should.Throw<FormatException>(() => RateLimitFields.FormatPolicies([User with { Name = name }]));
}
