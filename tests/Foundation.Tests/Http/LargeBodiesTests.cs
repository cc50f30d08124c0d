using Shouldly;
using SkyRiff.Http;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

public sealed class LargeBodiesTests
{
    private const int Large = 1 << 20;

    private readonly LargeBodies _room = new();

    [Fact]
    public void A_caller_has_few_at_a_time_and_leaves_room_to_others()
    {
        for (var i = 0; i < LargeBodies.AtOncePerCaller; i++) _room.TryEnter(1).ShouldBeNull();

        _room.TryEnter(1)!.Code.ShouldBe(HttpProblems.RateLimited);
        _room.TryEnter(2).ShouldBeNull();

        _room.Leave(1);
        _room.TryEnter(1).ShouldBeNull();
    }

    [Fact]
    public void Many_callers_have_few_together()
    {
        for (var caller = 1; caller <= LargeBodies.AtOnce; caller++) _room.TryEnter(caller).ShouldBeNull();

        _room.TryEnter(1000)!.Code.ShouldBe(HttpProblems.Unavailable);

        _room.Leave(7);
        _room.TryEnter(1000).ShouldBeNull();
    }

    [Theory]
    [InlineData(null, Large, true)]
    [InlineData(Large, Large, true)]
    [InlineData(ApiRoute.BodyBytesMaxDefault + 1, Large, true)]
    [InlineData(ApiRoute.BodyBytesMaxDefault, Large, false)]
    [InlineData(Large + 1, Large, false)]
    [InlineData(null, ApiRoute.BodyBytesMaxDefault, false)]
    public void Room_is_taken_by_what_may_be_large_and_will_be_read(int? announced, int bytesMax, bool expected) =>
        LargeBodies.Concerns(announced, bytesMax).ShouldBe(expected);
}
