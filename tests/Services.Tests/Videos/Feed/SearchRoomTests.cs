using Shouldly;
using SkyRiff.Testing;
using SkyRiff.Videos.Feed;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Feed;

public sealed class SearchRoomTests
{
    private static readonly CancellationToken Ct = CancellationToken.None;

    private readonly FakeTime _time = new();

    [Fact]
    public async Task Four_search_at_once_the_next_wait_their_turn_and_the_rest_is_sent_away()
    {
        var room = new SearchRoom(_time);
        var inside = new List<IDisposable?>();
        for (var i = 0; i < 4; i++) inside.Add(await room.EnterAsync(Ct));
        inside.ShouldAllBe(place => place != null);
        var waiting = Enumerable.Range(0, 32).Select(_ => room.EnterAsync(Ct)).ToList();
        (await room.EnterAsync(Ct)).ShouldBeNull("the line is full");

        inside[0]!.Dispose();
        inside[0]!.Dispose(); // gives one place back, not two
        using (await waiting[0]) waiting[1].IsCompleted.ShouldBeFalse();
        using (await waiting[1]) waiting[2].IsCompleted.ShouldBeFalse();

        (await waiting[2])!.ShouldNotBeNull();
        _time.Advance(TimeSpan.FromSeconds(2));
        foreach (var late in waiting.Skip(3)) (await late).ShouldBeNull("it waited long enough");
    }
}
