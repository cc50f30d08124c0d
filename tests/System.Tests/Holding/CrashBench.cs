using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;

namespace SkyRiff.SystemTests.Holding;

/// <summary>A generation that was ordered from a program which was then killed: the order is repeated until it is answered.</summary>
/// <param name="Key">The order's Idempotency-Key.</param>
internal sealed record Victim(CrashPoint Point, bool AtStudio, string Prompt, string Key)
{
    public string? Id { get; set; }

    public override string ToString() => $"{Point} {(AtStudio ? "at the studio" : "at the stub")}";
}

/// <summary>One instance over many deaths, with both providers, a person who can pay and one who cannot.</summary>
internal sealed class CrashBench : IAsyncDisposable
{
    private CrashBench(StubProvider stub, ProgramSite site) => (Stub, Site) = (stub, site);

    public StubProvider Stub { get; }

    public ProgramSite Site { get; }

    public Person Rich { get; private set; } = null!;

    public Person Poor { get; private set; } = null!;

    public static async Task<CrashBench> StartAsync()
    {
        var stub = await StubProvider.StartAsync();
        var bench = new CrashBench(stub, new ProgramSite(stub.Settings()));
        bench.Site.Settings["Videos:Rules:SubmittingMax"] = "00:00:06";
        var program = await bench.Site.StartAsync();
        bench.Rich = await Person.RegisterAsync(bench.Site);
        await program.StopAsync();

        bench.Site.Settings["Payments:StarterCredits"] = "3"; // less than the cheapest clip
        program = await bench.Site.StartAsync();
        bench.Poor = await Person.RegisterAsync(bench.Site);
        await program.StopAsync();
        return bench;
    }

    /// <summary>Starts a program that dies at the point, and does what brings a generation there.</summary>
    public async Task<Victim> KillAtAsync(CrashPoint point, bool atStudio)
    {
        var victim = new Victim(point, atStudio, $"{point.Name} {(atStudio ? "studio" : "stub")} {Person.NewKey()}", Person.NewKey());
        if (point.Way is Way.Failed) Stub.On(victim.Prompt, new Script { Status = Faults.FailsWith("moderation_blocked") });
        if (point.Way is Way.Cancelled) Stub.On(victim.Prompt, new Script { Status = Faults.DoneWhen(() => false) });
        var program = await Site.StartAsync(crashAt: point.Name);
        await OrderAsync(victim, program);
        await program.WaitUntilKilledAsync(victim.ToString());
        return victim;
    }

    /// <summary>The generation's end under a program that lives; null for an order that was refused for good.</summary>
    public async Task<JsonNode?> EndOfAsync(Victim victim)
    {
        var person = PersonOf(victim);
        Reply reply = null!;
        await Eventually.TrueAsync(async () => (reply = await PlaceAsync(victim)).Status is not HttpStatusCode.ServiceUnavailable, $"the repeated order of {victim} was answered");
        if (victim.Point.Way is Way.Refused)
        {
            reply.Status.ShouldBe(HttpStatusCode.PaymentRequired, $"{victim}: {reply}");
            return null;
        }
        reply.Status.ShouldBe(HttpStatusCode.Accepted, $"{victim}: {reply}");
        var id = (string)reply.Json["id"]!;
        if (victim.Id is not null) id.ShouldBe(victim.Id, $"{victim} was answered before");
        if (victim.Point.Way is Way.Cancelled) await CancelAsync(person, id, victim);
        return await person.EndOfAsync(id);
    }

    /// <summary>Checks one victim's end against its point's.</summary>
    public async Task ShouldEndRightAsync(Victim victim)
    {
        if (await EndOfAsync(victim) is { } generation)
        {
            var text = $"{victim}: {generation.ToJsonString()}";
            ((string?)generation["status"]).ShouldBe(victim.Point.End(victim.AtStudio), text);
            if (victim.Point.AsksBlind && !victim.AtStudio) ((string?)generation["failure"]!["code"]).ShouldBe("lost", text);
            await Books.ShouldBeSettledOnceAsync(PersonOf(victim), generation);
        }
        Stub.Creations(victim.Prompt).ShouldBeLessThanOrEqualTo(1, $"{victim}: no clip is bought twice");
    }

    public async ValueTask DisposeAsync()
    {
        Rich?.Dispose();
        Poor?.Dispose();
        await Site.DisposeAsync();
        await Stub.DisposeAsync();
    }

    private Person PersonOf(Victim victim) => victim.Point.Way is Way.Refused ? Poor : Rich;

    private Task<Reply> PlaceAsync(Victim victim) =>
        PersonOf(victim).OrderAsync(victim.Prompt, victim.Key, victim.AtStudio ? "studio-1" : "stub-1", victim.AtStudio ? "640x360" : null);

    private async Task OrderAsync(Victim victim, RunningProgram program)
    {
        try
        {
            var reply = await PlaceAsync(victim);
            if (reply.Status is HttpStatusCode.Accepted) victim.Id = (string)reply.Json["id"]!;
            if (victim.Id is null || victim.Point.Way is not Way.Cancelled) return;
            await Rich.UntilAsync(victim.Id, generation => (string?)generation["status"] is not "queued", "it was begun");
            await Rich.CancelAsync(victim.Id);
        }
        catch (HttpRequestException)
        {
            // The program died under the call, as it should; or while it recovered what came before, and then this order is placed after the restart.
        }
    }

    /// <summary>The cancellation that may have died half-way is made again; it may have come to its end without.</summary>
    private static async Task CancelAsync(Person person, string id, Victim victim)
    {
        var reply = await person.CancelAsync(id);
        reply.Status.ShouldBeOneOf([HttpStatusCode.OK], $"{victim}: {reply}");
    }
}
