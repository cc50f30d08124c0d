using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace SkyRiff.Architecture.Tests;

/// <summary>Documents are true: what they link to exists, and the commands that they name do too.</summary>
public sealed partial class DocumentTests
{
    public static TheoryData<string> Documents() => [.. Directory.EnumerateFiles(Repository.Root, "*.md", SearchOption.AllDirectories)
        .Where(path => !path.Contains("node_modules", StringComparison.Ordinal) && !path.Contains($"{Path.DirectorySeparatorChar}artifacts{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
        .Select(Repository.Relative)];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_relative_link_leads_somewhere(string document)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, document))!;
        var dead = Link().Matches(File.ReadAllText(Path.Combine(Repository.Root, document))).Select(match => match.Groups["target"].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('#') && !target.StartsWith("mailto:", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(folder, Uri.UnescapeDataString(target.Split('#')[0]))))
            .ToList();
        dead.ShouldBeEmpty();
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Link();
}
