using Shouldly;
using Xunit;

namespace SkyRiff.Architecture.Tests;

/// <summary>The exact graph of projects: an arrow that is added or removed is a decision, and shows here.</summary>
public sealed class ProjectGraphTests
{
    /// <summary>app -> services -> contracts, foundation -> Kernel; nothing points back, and no service at another.</summary>
    private static readonly Dictionary<string, string[]> Expected = new()
    {
        ["Kernel"] = [],
        ["Redis"] = ["Kernel"],
        ["Resilience"] = ["Kernel", "Redis"],
        ["Caching"] = ["Kernel", "Redis"],
        ["Data"] = ["Kernel"],
        ["Http"] = ["Kernel"],
        ["Objects"] = ["Kernel"],
        ["Contracts"] = ["Kernel"],
        ["Users"] = ["Caching", "Contracts", "Data", "Http", "Kernel", "Resilience"],
        ["Payments"] = ["Contracts", "Data", "Http", "Kernel"],
        ["Social"] = ["Contracts", "Data", "Http", "Kernel"],
        ["Videos"] = ["Caching", "Contracts", "Data", "Http", "Kernel", "Objects", "Redis", "Resilience"],
        ["Gateway"] = ["Kernel", "Redis", "Resilience"],
        ["App"] = ["Gateway", "Payments", "Social", "Users", "Videos"],
    };

    /// <summary>The one home of each third-party package of the product.</summary>
    private static readonly Dictionary<string, string> Homes = new()
    {
        ["Npgsql"] = "Data",
        ["System.CommandLine"] = "App",
        ["Spectre.Console"] = "App",
        ["YamlDotNet"] = "Gateway",
    };

    private static IEnumerable<Project> Product => Repository.Projects.Where(project => project.Folder.StartsWith("src/", StringComparison.Ordinal));

    [Fact]
    public void The_projects_are_exactly_these_and_point_exactly_there()
    {
        var actual = Product.ToDictionary(project => project.Name, project => project.References);
        actual.Keys.Order(StringComparer.Ordinal).ShouldBe(Expected.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, references) in Expected) actual[name].ShouldBe(references, $"what {name} refers to");
    }

    [Fact]
    public void Each_package_of_the_product_has_one_home()
    {
        var uses = Product.SelectMany(project => project.Packages.Select(package => (Package: package, project.Name))).OrderBy(use => use.Package, StringComparer.Ordinal).ToList();
        uses.ShouldBe(Homes.Select(home => (Package: home.Key, Name: home.Value)).OrderBy(use => use.Package, StringComparer.Ordinal));
    }

    [Fact]
    public void No_service_refers_to_another()
    {
        var services = Product.Where(project => project.Folder.StartsWith("src/services/", StringComparison.Ordinal)).ToList();
        services.ShouldNotBeEmpty();
        foreach (var service in services) service.References.ShouldNotContain(reference => services.Any(other => other.Name == reference), $"{service.Name} refers to another service; it should call an interface of contracts");
    }

    [Fact]
    public void Foundation_stands_on_foundation_alone()
    {
        var foundation = Product.Where(project => project.Folder.StartsWith("src/foundation/", StringComparison.Ordinal)).ToList();
        foreach (var library in foundation) library.References.ShouldAllBe(reference => foundation.Any(other => other.Name == reference));
    }

    [Fact]
    public void A_service_shows_one_public_type_its_module()
    {
        foreach (var assembly in new[] { typeof(Users.UsersModule), typeof(Payments.PaymentsModule), typeof(Videos.VideosModule), typeof(Social.SocialModule) }.Select(module => module.Assembly))
        {
            assembly.GetExportedTypes().Select(type => type.Name).ShouldBe([assembly.GetName().Name!["SkyRiff.".Length..] + "Module"]);
        }
    }
}
