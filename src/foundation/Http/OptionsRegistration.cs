using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace SkyRiff.Http;

/// <summary>The one way options come about: bound from their section, unknown keys fatal, every mistake of every module reported at once at start.</summary>
public static class OptionsRegistration
{
    /// <summary>Registers <typeparamref name="TOptions"/> as a singleton and notes what is wrong with it in <see cref="OptionsMistakes"/>.</summary>
    public static TOptions AddOptionsOf<TOptions>(this IServiceCollection services, IConfiguration configuration, string section, Func<TOptions, IEnumerable<string>> validate)
        where TOptions : class, new()
    {
        var options = new TOptions();
        var mistakes = OptionsMistakes.Of(services);
        try
        {
            configuration.GetSection(section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException failure)
        {
            mistakes.Add($"Section {section}: {failure.InnerException?.Message ?? failure.Message}");
        }
        foreach (var mistake in validate(options)) mistakes.Add(mistake);
        mistakes.Describe(section, typeof(TOptions));
        services.AddSingleton(options);
        return options;
    }
}

/// <summary>What is wrong with the configuration, and which options there are (for the golden list).</summary>
public sealed class OptionsMistakes
{
    private readonly List<string> _mistakes = [];
    private readonly List<(string Section, Type Type)> _sections = [];

    public IReadOnlyList<string> All => _mistakes;

    public IReadOnlyList<(string Section, Type Type)> Sections => _sections;

    public void Add(string mistake) => _mistakes.Add(mistake);

    internal void Describe(string section, Type type) => _sections.Add((section, type));

    public static OptionsMistakes Of(IServiceCollection services)
    {
        if (services.FirstOrDefault(service => service.ServiceType == typeof(OptionsMistakes))?.ImplementationInstance is OptionsMistakes existing) return existing;
        var mistakes = new OptionsMistakes();
        services.AddSingleton(mistakes);
        return mistakes;
    }
}
