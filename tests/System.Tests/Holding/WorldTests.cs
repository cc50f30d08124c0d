using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Engines;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>What the machine does to a generation in progress: a worker that sleeps past its lease, a database that dies, a disk that is full.</summary>
public sealed class WorldTests
{
    private static readonly KeyValuePair<string, string> AsApi = new("App:Role", "api");
    private static readonly KeyValuePair<string, string> AsWorker = new("App:Role", "worker");

    [Fact]
    public async Task A_worker_that_slept_past_its_lease_changes_nothing_when_it_wakes_and_works_on()
    {
        await using var stub = await StubProvider.StartAsync();
        var open = false;
        stub.On("followed by two", new Script { Status = Faults.DoneWhen(() => Volatile.Read(ref open)) });
        await using var site = new ProgramSite([.. stub.Settings(), AsApi]);
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        var sleeper = await site.StartBesideAsync("sleeper", [AsWorker]);

        var followed = await person.GenerateAsync("followed by two", "stub-1");
        var packaged = await person.GenerateAsync("fog over a lake", size: "1280x720");
        await person.UntilAsync(followed, IsAt("running"), "it was submitted");
        await person.UntilAsync(packaged, IsAt("packaging"), "packaging began");
        await sleeper.SignalAsync("STOP");

        var other = await site.StartBesideAsync("other", [AsWorker]);
        Volatile.Write(ref open, true);
        var ends = new List<JsonNode> { await person.EndOfAsync(followed), await person.EndOfAsync(packaged) };
        await sleeper.SignalAsync("CONT");
        await other.KillAsync();

        // The one that slept is alone now: it must be well, and must have let go of what it held.
        var next = await person.GenerateAsync("a door opens", "stub-1");
        ends.Add(await person.EndOfAsync(next));
        foreach (var end in ends)
        {
            ((string?)end["status"]).ShouldBe("ready", end.ToJsonString());
            await Books.ShouldBeSettledOnceAsync(person, end);
            (await person.GenerationAsync((string)end["id"]!)).ToJsonString().ShouldBe(end.ToJsonString(), "what was over stays as it was");
        }
        stub.Creations("followed by two").ShouldBe(1);
        await Books.ShouldBeCleanAsync(site);
        await Books.ShouldHaveNoOrphansAsync(site);
    }

    [Fact]
    public async Task A_database_killed_in_the_middle_comes_back_and_so_do_the_jobs()
    {
        await using var stub = await StubProvider.StartAsync();
        var open = false;
        stub.On("through an outage", new Script { Status = Faults.DoneWhen(() => Volatile.Read(ref open)) });
        await using var site = new ProgramSite(stub.Settings());
        var program = await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        var followed = await person.GenerateAsync("through an outage", "stub-1");
        var packaged = await person.GenerateAsync("lightning over a field", size: "1280x720");
        await person.UntilAsync(followed, IsAt("running"), "it was submitted");
        await person.UntilAsync(packaged, IsAt("packaging"), "packaging began");

        var first = site.PostgresProcess();
        await EngineSite.OutputOfAsync("kill", "-s", "KILL", first.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Reply reply = null!;
        await Eventually.TrueAsync(async () =>
        {
            reply = await person.SendAsync(HttpMethod.Get, "/api/v1/generations/" + followed);
            reply.Status.ShouldBeOneOf([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable], $"an outage is \"come back later\", not an error of ours: {reply}");
            return reply.Status is HttpStatusCode.OK && site.PostgresProcess() != first;
        }, $"the database came back under the program; the last answer was {reply}", TimeSpan.FromSeconds(60));

        Volatile.Write(ref open, true);
        foreach (var id in (string[])[followed, packaged])
        {
            var end = await person.EndOfAsync(id);
            ((string?)end["status"]).ShouldBe("ready", end.ToJsonString());
            await Books.ShouldBeSettledOnceAsync(person, end);
        }
        stub.Creations("through an outage").ShouldBe(1);
        await Books.ShouldBeCleanAsync(site);
        await Books.ShouldHaveNoOrphansAsync(site);
        (await program.StopAsync()).ShouldBe(0);
    }

    [Theory]
    [InlineData(0, "nothing can be written at all")]
    [InlineData(100, "the store is at its reserve")]
    public async Task A_full_disk_costs_nobody_a_credit_and_no_clip_is_bought_again(int megabytesLeft, string what)
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite(stub.Settings());
        await using var disk = await SmallDisk.TryMountAsync(Path.Combine(site.Root, "disk"), megabytes: 400);
        Assert.SkipWhen(disk is null, "only root can mount a small disk");
        (site.Settings["Videos:ObjectsFolder"], site.Settings["Videos:ScratchFolder"]) = (disk.Subfolder("objects"), disk.Subfolder("scratch"));
        site.Settings["Videos:Rules:TransientsMax"] = "8"; // 0.1 s, 0.2 s, 0.4 s and then half a second each: time enough to make room
        var program = await site.StartAsync();
        using var person = await Person.RegisterAsync(site);

        disk.Fill(megabytesLeft);
        var hopeless = await person.GenerateAsync("never any room", "stub-1");
        var end = await person.EndOfAsync(hopeless);
        ((string?)end["status"], (string?)end["failure"]!["code"]).ShouldBe(("failed", "transient"), $"{what}: {end.ToJsonString()}");
        await Books.ShouldBeSettledOnceAsync(person, end);

        var lucky = await person.GenerateAsync("room in time", "stub-1");
        await Eventually.TrueAsync(async () => (await site.SqlAsync($"SELECT transients FROM videos.generations WHERE id = {lucky}")).Single() is not "0", $"it met the full disk: {what}");
        disk.Empty();
        end = await person.EndOfAsync(lucky);
        ((string?)end["status"]).ShouldBe("ready", $"{what}: {end.ToJsonString()}");
        await Books.ShouldBeSettledOnceAsync(person, end);

        (stub.Creations("never any room"), stub.Creations("room in time")).ShouldBe((1, 1));
        await Books.ShouldBeCleanAsync(site);
        (await program.StopAsync()).ShouldBe(0);
    }

    private static Func<JsonNode, bool> IsAt(string status) => generation => (string?)generation["status"] == status;
}
