using Shouldly;
using SkyRiff.SystemTests.Kit;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>Orders that look the same to a provider, whose answers were lost: each must find its own job in the list.</summary>
public sealed class TwinTests
{
    [Fact]
    public async Task Orders_of_one_wish_whose_answers_were_lost_each_get_a_clip_of_their_own()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite([.. stub.Settings(), new("Videos:Rules:SubmittingMax", "00:00:20")]);
        await site.StartAsync();
        stub.On("the same for everybody", new Script
        {
            Create = call =>
            {
                call.Take();
                return Faults.DropAsync(call.Http);
            },
        });
        var people = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Person.RegisterAsync(site))); // on several shards

        var orders = await Task.WhenAll(people.Select(async person => (Person: person, Id: await person.GenerateAsync("the same for everybody", "stub-1"))));
        foreach (var (person, id) in orders)
        {
            var end = await person.EndOfAsync(id);
            ((string?)end["status"]).ShouldBe("ready", end.ToJsonString());
            await Books.ShouldBeSettledOnceAsync(person, end);
            person.Dispose();
        }

        stub.Creations("the same for everybody").ShouldBe(6);
        stub.Videos.ShouldAllBe(video => video.Fetches == 1 && video.Deleted);
        (await site.SqlAsync("SELECT provider_job FROM videos.generations")).ShouldBeUnique();
        await Books.ShouldBeCleanAsync(site);
    }
}
