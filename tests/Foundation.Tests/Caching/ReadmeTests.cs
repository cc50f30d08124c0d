using Shouldly;
using SkyRiff.Foundation.Tests.Redis;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

[Collection(nameof(RedisServerFixture))]
public sealed class ReadmeTests(RedisServerFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_example_of_the_README_is_the_one_that_compiles()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Sources.Root, "src/foundation/Caching/README.md"), Cancellation);
        var source = await File.ReadAllTextAsync(Path.Combine(Sources.Root, "tests/Foundation.Tests/Caching/ReadmeExample.cs"), Cancellation);
        Lines(Between(readme, "```csharp\n", "```")).ShouldBe(Lines(Between(source, "// example begins\n", "// example ends")));
    }

    [Fact]
    public async Task The_example_of_the_README_runs() =>
        (await ReadmeExample.RunAsync(fixture.Redis, new ProfileTable(), Cancellation)).ShouldBe("ann, 1 absent, anna, rob");

    private static string Between(string text, string first, string last)
    {
        var start = text.IndexOf(first, StringComparison.Ordinal) + first.Length;
        return text[start..text.IndexOf(last, start, StringComparison.Ordinal)];
    }

    /// <summary>Without the indentation, which a page and a class have differently.</summary>
    private static string[] Lines(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
}
