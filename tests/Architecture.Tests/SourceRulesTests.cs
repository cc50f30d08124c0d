using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace SkyRiff.Architecture.Tests;

/// <summary>Rules that the compiler does not know: what no check enforces has already rotted somewhere.</summary>
public sealed partial class SourceRulesTests
{
    private const int FileLinesMax = 500;

    [Fact]
    public void Time_comes_from_TimeProvider_and_chance_from_Entropy() => Forbid(
        "src", AmbientTimeOrChance(), "DateTime.Now, Thread.Sleep, Random.Shared and the like cannot be faked",
        except: ["src/foundation/Kernel/Entropy.cs", "src/foundation/Kernel/Checkpoint.cs", "src/foundation/Resilience/MonotonicClock.cs"]);

    [Fact]
    public void Nothing_blocks_on_a_task() => Forbid("src", Blocking(), "waiting for a task blocks a thread", except: []);

    [Fact]
    public void Nothing_is_unfinished() => Forbid("src", Unfinished(), "finish it or file it", except: []);

    [Fact]
    public void Tests_wait_for_conditions_and_never_sleep() => Forbid("tests", Sleeping(), "wait for a condition instead", except: ["tests/Architecture.Tests/SourceRulesTests.cs", "tests/Testing/Eventually.cs", "tests/Testing/Pace.cs"]);

    [Fact]
    public void No_file_is_longer_than_can_be_read_in_one_sitting()
    {
        var long_ = new[] { "src", "tests", "bench" }.SelectMany(Repository.SourceFiles).Select(path => (Path: Repository.Relative(path), Lines: File.ReadLines(path).Count())).Where(file => file.Lines > FileLinesMax).ToList();
        long_.ShouldBeEmpty("what are they two of?");
    }

    [Fact]
    public void No_name_refuses_nothing()
    {
        var drawers = new[] { "src", "tests", "bench" }.SelectMany(Repository.SourceFiles).Select(Path.GetFileNameWithoutExtension).Where(name => Drawer().IsMatch(name!)).ToList();
        drawers.ShouldBeEmpty("name the concept");
    }

    private static void Forbid(string folder, Regex pattern, string why, string[] except)
    {
        var found = Repository.SourceFiles(folder).Where(path => !except.Contains(Repository.Relative(path)))
            .SelectMany(path => File.ReadLines(path).Select((line, number) => (Path: Repository.Relative(path), Number: number + 1, Line: line.Trim())))
            .Where(line => !line.Line.StartsWith("//", StringComparison.Ordinal) && pattern.IsMatch(line.Line)).Select(line => $"{line.Path}:{line.Number}: {line.Line}").ToList();
        found.ShouldBeEmpty(why);
    }

    [GeneratedRegex(@"\bDateTime(Offset)?\.(Utc)?Now\b|\bThread\.Sleep\(|\bRandom\.Shared\b|\bnew Random\(|\bStopwatch\.StartNew\(|Environment\.TickCount", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AmbientTimeOrChance();

    [GeneratedRegex(@"\.GetAwaiter\(\)\.GetResult\(\)|\.Wait\(\);|\basync void\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Blocking();

    [GeneratedRegex(@"NotImplementedException|\bTODO\b|\bFIXME\b|\bHACK\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\bTask\.Delay\((?!(Timeout\.Infinite|Timeout\.InfiniteTimeSpan)\b)|\bThread\.Sleep\(", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Sleeping();

    [GeneratedRegex("(Manager|Helper|Helpers|Util|Utils|Common|Misc|Processor)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Drawer();
}
