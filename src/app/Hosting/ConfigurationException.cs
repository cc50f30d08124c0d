using Microsoft.Extensions.Configuration;
using SkyRiff.Http;

namespace SkyRiff.App.Hosting;

/// <summary>The configuration cannot be used; the message names every mistake.</summary>
internal sealed class ConfigurationException(IReadOnlyList<string> mistakes)
    : Exception("The configuration has mistakes:" + string.Concat(mistakes.Select(mistake => Environment.NewLine + "  " + mistake)))
{
    public static void ThrowIfAny(OptionsMistakes mistakes, IConfiguration configuration)
    {
        var known = mistakes.Sections.Select(section => section.Section.Split(':')[0]).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var unknown = configuration.GetChildren().Select(child => child.Key).Where(key => !known.Contains(key))
            .Select(key => $"Section {key} is not known; the sections are {string.Join(", ", known.Order())}.");
        List<string> all = [.. mistakes.All, .. unknown];
        if (all.Count > 0) throw new ConfigurationException(all);
    }
}
