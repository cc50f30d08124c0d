using Shouldly;
using SkyRiff.SystemTests.Kit;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

public sealed class MainPathTests
{
    [Fact]
    public async Task A_clip_is_ordered_made_and_paid_once_by_either_provider_and_the_program_stops_cleanly()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite(stub.Settings(), fromNothing: true);
        var program = await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        var before = await person.WalletAsync();

        var bought = await person.GenerateAsync("a harbour at night", "stub-1");
        var made = await person.GenerateAsync("a meadow in spring");
        foreach (var id in (string[])[bought, made])
        {
            var generation = await person.EndOfAsync(id);
            ((string?)generation["status"]).ShouldBe("ready", generation.ToJsonString());
            await Books.ShouldBeSettledOnceAsync(person, generation);
        }
        stub.Creations("a harbour at night").ShouldBe(1);
        stub.Videos.Single().Deleted.ShouldBeTrue("the provider is told that the clip is no longer needed there");
        var after = await person.WalletAsync();
        after.ShouldBe((before.Credits - (4 * 10) - 4, 0));

        await Books.ShouldBeCleanAsync(site);
        await Books.ShouldHaveNoOrphansAsync(site);
        (await program.StopAsync()).ShouldBe(0);
    }
}
