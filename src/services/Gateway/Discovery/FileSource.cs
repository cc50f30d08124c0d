using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.Discovery;

/// <summary>A file with a list <c>endpoints</c>, written as in the configuration; whoever deploys replaces it.</summary>
internal sealed class FileSource(DiscoveryConfig config) : IEndpointSource
{
    public async Task<FoundEndpoints> AskAsync(CancellationToken cancellationToken)
    {
        string text;
        try
        {
            text = await File.ReadAllTextAsync(config.Name, cancellationToken);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new DiscoveryException($"{config.Name}: {unreadable.Message}");
        }
        return new(Parse(Path.GetFileName(config.Name), text), config.Interval);
    }

    internal static IReadOnlyList<EndpointConfig> Parse(string file, string text)
    {
        var mistakes = new List<ConfigMistake>();
        var root = ConfigNode.Root(file, text, mistakes);
        var endpoints = DiscoveryParser.ParseEndpoints(root);
        root.Close();
        return mistakes.Count == 0 ? endpoints : throw new DiscoveryException(string.Join(Environment.NewLine, mistakes));
    }
}
