using System.Globalization;
using Shouldly;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>
/// The whole program is killed (SIGKILL) at named points of a generation's way, and started again on the same data folder. SKYRIFF_SEED chooses the points of the
/// short run; SKYRIFF_LONG=1 runs <see cref="CrashStorm"/> over all of them.
/// </summary>
public sealed class CrashTests
{
    private const int PointsOfShortRun = 6;

    [Fact]
    public async Task Killed_at_a_handful_of_points_one_after_the_other_every_generation_ends_and_is_settled_once()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("SKYRIFF_SEED"), CultureInfo.InvariantCulture, out var given) ? given : 1;
        var random = new Random(seed);
        await using var bench = await CrashBench.StartAsync();
        var victims = new List<Victim>();
        // One of each way there is, so that no seed leaves one out.
        var points = CrashPoint.All.GroupBy(point => point.Way).SelectMany(way => way.OrderBy(_ => random.Next()).Take(way.Key is Way.Made ? PointsOfShortRun - 3 : 1)).ToList();
        foreach (var point in points)
        {
            var atStudio = point.HappensAt(studio: true) && random.Next(2) == 0;
            victims.Add(await bench.KillAtAsync(point, atStudio));
        }

        var program = await bench.Site.StartAsync();
        foreach (var victim in victims) await bench.ShouldEndRightAsync(victim);
        await Books.ShouldBeCleanAsync(bench.Site);
        await Books.ShouldHaveNoOrphansAsync(bench.Site);
        (await program.StopAsync()).ShouldBe(0);
    }

    [Fact]
    public void Every_point_of_the_source_is_in_the_storm()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "SkyRiff.slnx"))) root = root.Parent;
        var named = Directory.EnumerateFiles(Path.Combine(root.FullName, "src", "services", "Videos"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines)
            .Select(line => System.Text.RegularExpressions.Regex.Match(line, "Checkpoint\\.Reached\\(\"(?<name>videos\\.[a-z-]+[a-z])\"\\)", System.Text.RegularExpressions.RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))
            .Where(match => match.Success).Select(match => match.Groups["name"].Value).ToHashSet();
        named.Count.ShouldBeGreaterThan(8);
        named.Except(CrashPoint.All.Select(point => point.Name)).ShouldBeEmpty();
    }
}
