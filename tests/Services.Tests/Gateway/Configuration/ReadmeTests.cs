using System.Runtime.CompilerServices;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Configuration;

public sealed class ReadmeTests
{
    [Fact]
    public void Every_configuration_in_the_readme_is_good()
    {
        var blocks = Text().Split("```yaml\n").Skip(1).Select(part => part.Split("```")[0]).ToList();
        blocks.Count.ShouldBe(2);
        foreach (var block in blocks) ConfigParser.Parse("README.md", block).Edge.Routes.ShouldNotBeEmpty();
    }

    [Fact]
    public void The_sample_before_two_processes_is_good() =>
        ConfigParser.Parse("gateway.yaml", File.ReadAllText(Beside("../../../../deploy/gateway/gateway.yaml"))).Edge.Clusters.Single().Endpoints.Count.ShouldBe(2);

    [Fact]
    public void The_readme_counts_the_hostile_lists_right()
    {
        var refused = (IReadOnlyList<HostileCase> cases) => cases.Count(c => c.Verdict.StartsWith("refuse", StringComparison.Ordinal));
        Text().ShouldContain($"{refused(HostileCases.Requests())} requests, {refused(HostileCases.Responses())} responses");
    }

    private static string Text() => File.ReadAllText(Beside("../../../../src/services/Gateway/README.md"));

    private static string Beside(string path, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, path);
}
