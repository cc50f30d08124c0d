using Shouldly;
using SkyRiff.Data;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class ReplicaRotationTests
{
    private readonly Clock _clock = new();
    private readonly ReplicaRotation _rotation;

    public ReplicaRotationTests() => _rotation = new ReplicaRotation(2, _clock);

    [Fact]
    public void A_replica_nobody_has_seen_answers_nobody() => _rotation.Pick(0).ShouldBeNull();

    [Fact]
    public void Replicas_take_turns()
    {
        See(0, 100);
        See(1, 100);

        new[] { _rotation.Pick(0), _rotation.Pick(0), _rotation.Pick(0) }.ShouldBe([0, 1, 0]);
    }

    [Fact]
    public void Only_a_replica_that_has_replayed_the_write_will_do()
    {
        See(0, 99);
        See(1, 100);

        _rotation.Pick(100).ShouldBe(1);
        _rotation.Pick(100).ShouldBe(1);
        _rotation.Pick(101).ShouldBeNull();
    }

    [Fact]
    public void A_replica_is_out_while_it_lacks_what_the_primary_had_more_than_a_second_ago()
    {
        _rotation.PrimaryAt(100, _clock.GetTimestamp());
        See(0, 90);
        _rotation.Pick(0).ShouldBe(0);

        _clock.Pass(TimeSpan.FromSeconds(1.1));
        See(0, 95);
        _rotation.Pick(0).ShouldBeNull();
        _rotation.LagOf(0).ShouldBe(TimeSpan.FromSeconds(1.1));

        See(0, 100);
        _rotation.Pick(0).ShouldBe(0);
        _rotation.LagOf(0).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_replica_that_is_no_longer_seen_is_out_and_a_failed_one_at_once()
    {
        See(0, 100);
        _clock.Pass(TimeSpan.FromSeconds(1.1));
        _rotation.Pick(0).ShouldBeNull();

        See(0, 100);
        _rotation.ReplicaFailed(0);
        _rotation.Pick(0).ShouldBeNull();
        _rotation.LagOf(0).ShouldBeNull();
    }

    [Fact]
    public void Reads_go_on_from_a_caught_up_replica_while_the_primary_is_away()
    {
        _rotation.PrimaryAt(100, _clock.GetTimestamp());
        _clock.Pass(TimeSpan.FromMinutes(5));
        See(0, 100);

        _rotation.Pick(100).ShouldBe(0);
    }

    [Theory]
    [InlineData("0/0", 0L)]
    [InlineData("16/B374D848", 0x16_B374D848L)]
    [InlineData("7FFFFFFF/FFFFFFFF", long.MaxValue)]
    public void A_fence_is_read_as_it_is_written(string text, long position)
    {
        ReadFence.TryParse(text, out var fence).ShouldBeTrue();
        (fence.Position, fence.ToString()).ShouldBe((position, text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("1")]
    [InlineData("1/")]
    [InlineData("-1/2")]
    [InlineData("80000000/0")]
    [InlineData("1/123456789")]
    [InlineData("1/2/3")]
    [InlineData(" 1/2")]
    public void What_is_no_fence_is_refused(string text) => ReadFence.TryParse(text, out _).ShouldBeFalse();

    private void See(int replica, long position) => _rotation.ReplicaAt(replica, position, _clock.GetTimestamp());

    private sealed class Clock : TimeProvider
    {
        private TimeSpan _now = TimeSpan.FromDays(1);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now.Ticks;

        public void Pass(TimeSpan time) => _now += time;
    }
}
