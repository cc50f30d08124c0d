namespace SkyRiff.Gateway.Configuration;

/// <summary>One mistake in a configuration file, so that it can be found and put right without guessing.</summary>
internal sealed record ConfigMistake(string File, int Line, string Key, string Expected)
{
    public override string ToString() => $"{File}:{Line}: {Key}: expected {Expected}";
}

/// <summary>A configuration that is not used, with every mistake in it.</summary>
internal sealed class ConfigException(IReadOnlyList<ConfigMistake> mistakes) : Exception(string.Join(Environment.NewLine, mistakes))
{
    public IReadOnlyList<ConfigMistake> Mistakes { get; } = mistakes;
}
