using SkyRiff.Bench;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>
/// What the gateway must hold against. Each campaign has two lengths from the same code: a short one for every run, which asserts counts and shares only, and
/// with SKYRIFF_LONG=1 the full one, which writes its figures to bench/results/.
/// </summary>
internal static class Campaign
{
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1";

    public static T Length<T>(T briefly, T fully) => IsLong ? fully : briefly;

    /// <summary>Writes the report of a full campaign, and shows the figures of either.</summary>
    public static async Task ReportAsync(Results results, CancellationToken cancellationToken)
    {
        var shown = new StringWriter();
        results.Print(shown);
        TestContext.Current.TestOutputHelper?.WriteLine(shown.ToString());
        if (!IsLong) return;
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "SkyRiff.slnx"))) folder = folder.Parent;
        await results.WriteAsync(Path.Combine(folder.FullName, "bench", "results"), cancellationToken);
    }
}

/// <summary>Campaigns load the machine and count: one at a time, and beside no other test.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class HoldingCollection
{
    internal const string Name = "holding";
}
