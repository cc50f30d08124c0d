using Microsoft.AspNetCore.Http;
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
    [InlineData(1_000, true, 0)]
    [InlineData(1_000, false, 0)]
    [InlineData(ApiRoute.BodyBytesMaxDefault, false, 0)]
    [InlineData(ApiRoute.BodyBytesMaxDefault + 1, true, 1)]
    [InlineData(ApiRoute.BodyBytesMaxDefault + 1, false, 1)]
    [InlineData(Large + 1, true, 0)]
    public async Task Room_is_taken_by_a_body_that_is_large_whether_it_says_so_or_not(int bytes, bool announced, int taken)
    {
        for (var i = 1; i < LargeBodies.AtOncePerCaller; i++) _room.TryEnter(1);
        var request = new DefaultHttpContext().Request;
        request.Body = new MemoryStream(new byte[bytes]);
        request.ContentLength = announced ? bytes : null;
        using (var room = new BodyRoom(_room, 1))
        {
            await BodyReader.ReadBytesAsync(request, Large, room, TestContext.Current.CancellationToken);
            (_room.TryEnter(1) is null ? 0 : 1).ShouldBe(taken);
            if (taken == 0) _room.Leave(1);
        }
        _room.TryEnter(1).ShouldBeNull("it is given back with the call");
    }

    [Fact]
    public async Task A_large_body_without_room_is_refused_when_it_shows()
    {
        for (var i = 0; i < LargeBodies.AtOncePerCaller; i++) _room.TryEnter(1);
        var request = new DefaultHttpContext().Request;
        request.Body = new MemoryStream(new byte[Large]);
        using var room = new BodyRoom(_room, 1);
        (await BodyReader.ReadBytesAsync(request, Large, room, TestContext.Current.CancellationToken)).Problem!.Code.ShouldBe(HttpProblems.RateLimited);
        request.Body.Position.ShouldBeLessThan(Large / 2);
    }
}
