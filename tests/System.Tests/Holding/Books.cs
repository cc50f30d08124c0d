using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;

namespace SkyRiff.SystemTests.Holding;

/// <summary>What must be true of an instance whenever its generations are over: the promise "no charge without a video", looked at from all sides.</summary>
internal static class Books
{
    private static readonly string[] Ends = ["ready", "failed", "cancelled"];

    /// <summary>A receipt says one thing: captured with a clip, or released without one.</summary>
    public static void ShouldBeSettled(JsonNode generation)
    {
        var text = generation.ToJsonString();
        var status = (string)generation["status"]!;
        Ends.ShouldContain(status, text);
        var (held, captured, released) = ((long)generation["receipt"]!["held"]!, (long)generation["receipt"]!["captured"]!, (long)generation["receipt"]!["released"]!);
        held.ShouldBe((long)generation["receipt"]!["quoted"]!, text);
        (captured, released).ShouldBe(status == "ready" ? (held, 0) : (0, held), text);
    }

    /// <summary>The movements of one generation in the ledger.</summary>
    public static async Task ShouldBeSettledOnceAsync(Person person, JsonNode generation)
    {
        ShouldBeSettled(generation);
        var movements = await person.MovementsAsync((string)generation["id"]!);
        movements.ShouldBe(["hold", (string?)generation["status"] == "ready" ? "capture" : "release"], generation.ToJsonString());
    }

    public static async Task ShouldBeCleanAsync(ProgramSite site)
    {
        var (code, output) = await site.RunAsync("ledger", "verify");
        code.ShouldBe(0, output);
        output.ShouldContain("The ledger is clean.");
        output.ShouldContain("(0 open)");
        (await site.SqlAsync("SELECT id FROM videos.generations WHERE phase NOT IN ('Ready', 'Failed', 'Cancelled')")).ShouldBeEmpty("every generation has ended");
        (await site.SqlAsync("SELECT id FROM videos.jobs UNION ALL SELECT id FROM videos.jobs_dead")).ShouldBeEmpty("no job is left, and none is laid aside");
    }

    /// <summary>Every stored file is one that a ready generation's manifest names, and nothing is left in progress. The sweep may take a moment.</summary>
    public static async Task ShouldHaveNoOrphansAsync(ProgramSite site)
    {
        var named = new HashSet<string>();
        foreach (var manifest in await site.SqlAsync("SELECT manifest FROM videos.generations WHERE phase = 'Ready'")) NamesIn(JsonNode.Parse(manifest), named);
        IReadOnlyList<string> strays = [];
        try
        {
            await Eventually.TrueAsync(async () =>
            {
                strays = [.. (await site.StoredAsync()).Where(key => !named.Contains(key)), .. LeftIn(site, "objects/incoming"), .. Runs(site)];
                return strays.Count == 0;
            }, "the sweep found every file that belongs to nothing", TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException late)
        {
            throw new ShouldAssertException($"{late.Message} Left: {string.Join(", ", strays)}", late);
        }
        var stored = (await site.StoredAsync()).ToHashSet();
        named.Where(key => key.StartsWith("clips/", StringComparison.Ordinal) && !stored.Contains(key)).ShouldBeEmpty("everything that a manifest names is stored");
    }

    private static IEnumerable<string> LeftIn(ProgramSite site, string folder)
    {
        var path = Path.Combine(site.DataPath, folder);
        return Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path) : [];
    }

    /// <summary>Folders of runs; the one that the studio of the running program holds, empty, is no run's.</summary>
    private static List<string> Runs(ProgramSite site)
    {
        var folders = LeftIn(site, "scratch").ToList();
        return folders.Count == 1 && Directory.EnumerateFileSystemEntries(folders[0]).All(file => Path.GetFileName(file) == ".in-use") ? [] : folders;
    }

    /// <summary>Every text in the manifest that is a key.</summary>
    private static void NamesIn(JsonNode? node, HashSet<string> into)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var member in members) NamesIn(member.Value, into);
                break;
            case JsonArray items:
                foreach (var item in items) NamesIn(item, into);
                break;
            case JsonValue value when value.GetValueKind() is JsonValueKind.String && value.GetValue<string>().StartsWith("clips/", StringComparison.Ordinal):
                into.Add(value.GetValue<string>());
                break;
        }
    }
}
