using Shouldly;

namespace SkyRiff.Architecture.Tests;

/// <summary>
/// Compares a published surface with the text file that shows it. With SKYRIFF_ACCEPT=1 in the environment the file is written instead, and the change is reviewed as a diff.
/// </summary>
internal static class Golden
{
    public static void Check(string file, string actual)
    {
        var path = Path.Combine(Repository.Root, "docs", "reference", file);
        if (Environment.GetEnvironmentVariable("SKYRIFF_ACCEPT") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }
        File.Exists(path).ShouldBeTrue($"docs/reference/{file} is missing; make it with SKYRIFF_ACCEPT=1");
        actual.ShouldBe(File.ReadAllText(path), $"docs/reference/{file} differs from what the program publishes. If the change is meant, accept it with SKYRIFF_ACCEPT=1 ./skyriff test Architecture");
    }
}
