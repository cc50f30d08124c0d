using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>The long run (SKYRIFF_LONG=1): every named point at both providers, then kills at random moments; a report is written to bench/results/.</summary>
public sealed class CrashStorm
{
    private const int RandomKills = 50;
    private const int OrdersPerLife = 3;
    private const string NotNow = "only with SKYRIFF_LONG=1";

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    [Fact]
    public async Task Killed_at_every_point_and_at_random_moments_every_generation_ends_and_is_settled_once()
    {
        Assert.SkipUnless(IsLong, NotNow);
        var began = Stopwatch.GetTimestamp();
        await using var bench = await CrashBench.StartAsync();
        var points = 0;
        var recoveries = new List<double>();
        foreach (var point in CrashPoint.All)
        {
            foreach (var atStudio in (bool[])[false, true])
            {
                if (!point.HappensAt(atStudio)) continue;
                var victim = await bench.KillAtAsync(point, atStudio);
                var killed = Stopwatch.GetTimestamp();
                var program = await bench.Site.StartAsync();
                await bench.ShouldEndRightAsync(victim);
                recoveries.Add(Stopwatch.GetElapsedTime(killed).TotalSeconds);
                await program.KillAsync();
                points++;
            }
        }

        var (kills, generations, ends) = await KillAtRandomAsync(bench);
        await Books.ShouldBeCleanAsync(bench.Site);
        await Books.ShouldHaveNoOrphansAsync(bench.Site);
        Report(points, kills, generations, ends, [.. recoveries.Order()], Stopwatch.GetElapsedTime(began));
    }

    /// <summary>Generations of both providers are ordered and some cancelled, while the program is killed again and again.</summary>
    private static async Task<(int Kills, int Generations, Dictionary<string, int> Ends)> KillAtRandomAsync(CrashBench bench)
    {
        var random = new Random(int.TryParse(Environment.GetEnvironmentVariable("SKYRIFF_SEED"), CultureInfo.InvariantCulture, out var given) ? given : 1);
        var orders = new List<(string Prompt, string Key, bool AtStudio)>();
        for (var kill = 0; kill < RandomKills; kill++)
        {
            var program = await bench.Site.StartAsync();
            var life = TimeSpan.FromMilliseconds(random.Next(100, 4_000));
            var death = Task.Run(async () =>
            {
                using var clock = new PeriodicTimer(life);
                await clock.WaitForNextTickAsync(CancellationToken.None);
                await program.KillAsync();
            }, CancellationToken.None);
            for (var i = 0; i < OrdersPerLife; i++)
            {
                var order = (Prompt: $"random {Person.NewKey()}", Key: Person.NewKey(), AtStudio: random.Next(4) == 0);
                orders.Add(order);
                var reply = await TryOrderAsync(bench, order);
                if (reply?.Status is HttpStatusCode.Accepted && random.Next(5) == 0) await bench.Rich.TrySendAsync(HttpMethod.Delete, "/api/v1/generations/" + (string)reply.Json["id"]!);
            }
            await death;
        }

        await bench.Site.StartAsync();
        var ends = new Dictionary<string, int>();
        foreach (var order in orders)
        {
            Reply? reply = null;
            await Eventually.TrueAsync(async () => (reply = await TryOrderAsync(bench, order))?.Status is HttpStatusCode.Accepted, $"the repeated order {order.Prompt} was accepted; the last answer was {reply}");
            var generation = await bench.Rich.EndOfAsync((string)reply!.Json["id"]!, TimeSpan.FromMinutes(10));
            Books.ShouldBeSettled(generation);
            bench.Stub.Creations(order.Prompt).ShouldBeLessThanOrEqualTo(1, $"{order.Prompt}: no clip is bought twice");
            var end = (string)generation["status"]!;
            ends[end] = ends.GetValueOrDefault(end) + 1;
        }
        return (RandomKills, orders.Count, ends);
    }

    private static async Task<Reply?> TryOrderAsync(CrashBench bench, (string Prompt, string Key, bool AtStudio) order)
    {
        try
        {
            return await bench.Rich.OrderAsync(order.Prompt, order.Key, order.AtStudio ? "studio-1" : "stub-1", order.AtStudio ? "640x360" : null);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static void Report(int points, int kills, int generations, Dictionary<string, int> ends, double[] recoveries, TimeSpan took)
    {
        object Result(string name, string unit, double median, int counted) => new { name, unit, median, counted, runs = new[] { median } };
        var report = new
        {
            suite = "crash-storm",
            machine = new { cores = Environment.ProcessorCount, os = System.Runtime.InteropServices.RuntimeInformation.OSDescription },
            results = new[]
            {
                Result("points killed at, both providers", "kills", points, 1),
                Result("from the kill at a point to the settled end, restart included", "s", Math.Round(recoveries[recoveries.Length / 2], 2), recoveries.Length),
                Result("the longest of these", "s", Math.Round(recoveries[^1], 2), recoveries.Length),
                Result("kills at random moments", "kills", kills, 1),
                Result("generations ordered under random kills", "generations", generations, 1),
                Result("of these ready", "generations", ends.GetValueOrDefault("ready"), 1),
                Result("of these failed, all released", "generations", ends.GetValueOrDefault("failed"), 1),
                Result("of these cancelled, all released", "generations", ends.GetValueOrDefault("cancelled"), 1),
                Result("generations that were settled twice or not at all, ledger violations, orphan files, clips bought twice", "found", 0, points + kills),
                Result("the whole storm", "s", Math.Round(took.TotalSeconds), 1),
            },
        };
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "SkyRiff.slnx"))) root = root.Parent;
        var folder = Directory.CreateDirectory(Path.Combine(root.FullName, "bench", "results"));
        File.WriteAllText(Path.Combine(folder.FullName, "crash-storm.json"), JsonSerializer.Serialize(report, Indented) + "\n");
    }
}
