using System.Net;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>Cancelling at every moment of a generation's way.</summary>
public sealed class CancelTests
{
    [Fact]
    public async Task Whenever_it_is_cancelled_it_is_released_once_or_it_was_too_late_and_the_clip_is_there()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite([.. stub.Settings(), .. stub.Settings("narrow", "narrow-1"), new("Videos:OpenAiVideos:narrow:ConcurrencyMax", "1")]);
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        var before = await person.WalletAsync();

        // In the queue, behind one that keeps the only place.
        stub.On("keeps the place", new Script { Status = Faults.DoneWhen(() => false) });
        var first = await person.GenerateAsync("keeps the place", "narrow-1");
        await person.UntilAsync(first, generation => (string?)generation["status"] == "running", "it was submitted");
        var queued = await person.GenerateAsync("waits", "narrow-1");
        (await person.GenerationAsync(queued))["status"]!.ToString().ShouldBe("queued");
        await CancelledAsync(person, queued);
        stub.Creations("waits").ShouldBe(0);

        // While the create call is open: the provider takes it after all, and is told to forget it, or it is nobody's.
        stub.On("not yet answered", new Script { Create = call => Faults.SilenceAsync(call.Http) });
        var submitting = await person.GenerateAsync("not yet answered", "stub-1");
        await Eventually.TrueAsync(() => stub.Keys("not yet answered").Count == 1, "the create call was made");
        await CancelledAsync(person, submitting);

        // While it runs: the provider is told.
        await CancelledAsync(person, first);
        stub.Videos.Single(video => video.Prompt == "keeps the place").Deleted.ShouldBeTrue();

        // While the file comes.
        stub.On("drips", new Script { Content = Faults.DripAsync });
        var fetching = await person.GenerateAsync("drips", "stub-1");
        await Eventually.TrueAsync(() => stub.Videos.Any(video => video is { Prompt: "drips", Fetches: > 0 }), "the download began");
        await CancelledAsync(person, fetching);

        // While it is packaged, and twice at once.
        var packaging = await person.GenerateAsync("a walk in the rain", null, "1280x720");
        await person.UntilAsync(packaging, generation => (string?)generation["status"] == "packaging", "packaging began");
        var twice = await Task.WhenAll(person.CancelAsync(packaging), person.CancelAsync(packaging));
        twice.ShouldAllBe(reply => reply.Status == HttpStatusCode.OK);
        await CancelledAsync(person, packaging);

        (await person.WalletAsync()).ShouldBe(before);
        await Books.ShouldBeCleanAsync(site);
        await Books.ShouldHaveNoOrphansAsync(site);
    }

    [Fact]
    public async Task Cancelling_that_races_the_end_comes_to_one_end()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite(stub.Settings());
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        var ids = new List<string>();
        for (var i = 0; i < 12; i++) ids.Add(await person.GenerateAsync("nearly there", "stub-1"));

        // Each is cancelled a little further on than the one before, until it is too late.
        var ends = await Task.WhenAll(ids.Select(async (id, i) =>
        {
            await person.UntilAsync(id, generation => (double)generation["progress"]! >= Math.Min(99.5, 50 + (i * 5)) || (string?)generation["status"] == "ready", "it came so far");
            return (Reply: await person.CancelAsync(id), End: await person.EndOfAsync(id));
        }));
        foreach (var (reply, end) in ends)
        {
            ((string?)end["status"]).ShouldBe(reply.Status is HttpStatusCode.OK ? "cancelled" : "ready", $"{reply}: {end.ToJsonString()}");
            if (reply.Status is not HttpStatusCode.OK) (reply.Status, reply.Code).ShouldBe((HttpStatusCode.Conflict, "videos.too_late_to_cancel"));
            await Books.ShouldBeSettledOnceAsync(person, end);
        }
        await Books.ShouldBeCleanAsync(site);
        await Books.ShouldHaveNoOrphansAsync(site);
    }

    [Fact]
    public async Task Nobody_else_can_cancel_it_or_take_it_from_its_worker()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite(stub.Settings());
        await site.StartAsync();
        using var owner = await Person.RegisterAsync(site);
        stub.On("mine", new Script { Status = Faults.DoneWhen(() => false) });
        var id = await owner.GenerateAsync("mine", "stub-1");
        await owner.UntilAsync(id, generation => (string?)generation["status"] == "running", "it was submitted");
        var fence = (await site.SqlAsync($"SELECT fence FROM videos.jobs WHERE id = {id}")).Single();
        for (var i = 0; i < 5; i++)
        {
            using var stranger = await Person.RegisterAsync(site);
            (await stranger.CancelAsync(id)).Status.ShouldBe(HttpStatusCode.NotFound);
        }
        (await site.SqlAsync($"SELECT fence FROM videos.jobs WHERE id = {id}")).Single().ShouldBe(fence, "a stranger's call leaves the job with its worker");
        await CancelledAsync(owner, id);
    }

    private static async Task CancelledAsync(Person person, string id)
    {
        var reply = await person.CancelAsync(id);
        reply.Status.ShouldBe(HttpStatusCode.OK, reply.ToString());
        ((string?)reply.Json["status"]).ShouldBe("cancelled");
        var end = await person.EndOfAsync(id);
        ((string?)end["status"]).ShouldBe("cancelled");
        await Books.ShouldBeSettledOnceAsync(person, end);
    }
}
