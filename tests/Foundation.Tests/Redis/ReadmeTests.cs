using Shouldly;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

public sealed class ReadmeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_example_of_the_README_is_the_one_that_compiles()
    {
        var root = Root();
        var readme = await File.ReadAllTextAsync(Path.Combine(root, "src/foundation/Redis/README.md"), Cancellation);
        var source = await File.ReadAllTextAsync(Path.Combine(root, "tests/Foundation.Tests/Redis/ReadmeExample.cs"), Cancellation);
        Lines(Between(readme, "```csharp\n", "```")).ShouldBe(Lines(Between(source, "// example begins\n", "// example ends")));
    }

    [Fact]
    public async Task The_example_of_the_README_runs()
    {
        await using var server = await RedisServerProcess.StartAsync();
        (await ReadmeExample.RunAsync("unix://" + server.SocketPath, Cancellation)).ShouldBe("Otters at dusk (14 bytes), 2, 9, 1");
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "SkyRiff.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return folder;
    }

    private static string Between(string text, string first, string last)
    {
        var start = text.IndexOf(first, StringComparison.Ordinal) + first.Length;
        return text[start..text.IndexOf(last, start, StringComparison.Ordinal)];
    }

    /// <summary>Without the indentation, which a page and a class have differently.</summary>
    private static string[] Lines(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
}
