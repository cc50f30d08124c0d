using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SkyRiff.Gateway.Configuration;

/// <summary>
/// A mapping of the file while it is read. Every key that is asked for is known; <see cref="Close"/> names those that nobody asked for.
/// Mistakes are gathered, never thrown, so that one run shows them all. JSON is YAML, so both are read.
/// </summary>
internal sealed class ConfigNode
{
    private readonly List<ConfigMistake> _mistakes;
    private readonly string _file;
    private readonly string _path;
    private readonly YamlMappingNode? _mapping;
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    private ConfigNode(string file, string path, YamlNode? node, List<ConfigMistake> mistakes)
    {
        (_file, _path, _mistakes) = (file, path, mistakes);
        Line = node is null ? 1 : (int)node.Start.Line;
        _mapping = node as YamlMappingNode;
        if (node is not (null or YamlMappingNode)) Mistake(node, "", "a mapping of keys to values");
    }

    public int Line { get; private init; }

    /// <summary>The root of a document; a syntax error is a mistake too.</summary>
    public static ConfigNode Root(string file, string text, List<ConfigMistake> mistakes)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException broken)
        {
            mistakes.Add(new(file, (int)broken.Start.Line, "(syntax)", "YAML or JSON that can be read: " + broken.Message));
            return new(file, "", null, mistakes);
        }
        catch (InvalidOperationException)
        {
            // How the reader says that the file ends in the middle of something.
            mistakes.Add(new(file, text.Count(c => c == '\n') + 1, "(syntax)", "YAML or JSON that is complete"));
            return new(file, "", null, mistakes);
        }
        if (stream.Documents.Count == 1) return new(file, "", stream.Documents[0].RootNode, mistakes);
        mistakes.Add(new(file, 1, "(file)", "one document"));
        return new(file, "", null, mistakes);
    }

    public bool Has(string key) => Find(key) is not null;

    /// <summary>A mapping below; an absent one is empty.</summary>
    public ConfigNode Section(string key) => new(_file, Path(key), Find(key), _mistakes);

    /// <summary>The keys of a mapping whose names are the user's.</summary>
    public IEnumerable<(string Name, ConfigNode Node)> Named(string key)
    {
        var section = Section(key);
        if (section._mapping is null) yield break;
        foreach (var (name, node) in section._mapping.Children)
        {
            if (name is YamlScalarNode { Value: { } text }) yield return (text, new ConfigNode(_file, section.Path(text), node, _mistakes));
        }
    }

    public IEnumerable<KeyValuePair<string, string>> Pairs(string key)
    {
        var section = Section(key);
        if (section._mapping is null) yield break;
        foreach (var (name, node) in section._mapping.Children)
        {
            if (name is YamlScalarNode { Value: { } text } && node is YamlScalarNode { Value: { } value }) yield return new(text, value);
            else Mistake(node, section.Path(name.ToString()), "text");
        }
    }

    /// <summary>A list of mappings; a plain text in it is a mapping with that text under <paramref name="shortKey"/>.</summary>
    public IEnumerable<ConfigNode> Items(string key, string? shortKey = null)
    {
        var found = Find(key);
        if (found is null) yield break;
        if (found is not YamlSequenceNode list)
        {
            Mistake(found, Path(key), "a list");
            yield break;
        }
        for (var i = 0; i < list.Children.Count; i++)
        {
            var item = list.Children[i];
            var line = (int)item.Start.Line;
            if (item is YamlScalarNode && shortKey is not null) item = new YamlMappingNode(new YamlScalarNode(shortKey), item);
            yield return new ConfigNode(_file, $"{Path(key)}[{i}]", item, _mistakes) { Line = line };
        }
    }

    /// <summary>A list of texts, or one text.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        switch (Find(key))
        {
            case null:
                return [];
            case YamlScalarNode { Value: { } one }:
                return [one];
            case YamlSequenceNode list when list.Children.All(c => c is YamlScalarNode):
                return [.. list.Children.Select(c => ((YamlScalarNode)c).Value ?? "")];
            case var other:
                Mistake(other, Path(key), "a list of texts");
                return [];
        }
    }

    public string? Text(string key)
    {
        var node = Find(key);
        if (node is null) return null;
        if (node is YamlScalarNode { Value: { } text }) return text;
        Mistake(node, Path(key), "text");
        return null;
    }

    public string Required(string key, string expected)
    {
        if (Text(key) is { Length: > 0 } text) return text;
        if (_mapping is not null) _mistakes.Add(new(_file, Line, Path(key), expected));
        return "";
    }

    public TimeSpan Duration(string key, TimeSpan otherwise, TimeSpan min, TimeSpan max) =>
        Parsed(key, otherwise, $"a duration such as 250ms or 5s, from {Show(min)} to {Show(max)}", text => Units.TryDuration(text, out var value) && value >= min && value <= max ? value : null);

    public long Size(string key, long otherwise, long min, long max) =>
        Parsed(key, otherwise, $"a size such as 16KB or 10MB, from {min} to {max} bytes", text => Units.TrySize(text, out var value) && value >= min && value <= max ? value : null);

    public int Integer(string key, int otherwise, int min, int max) =>
        Parsed(key, otherwise, $"a whole number from {min} to {max}", text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max ? value : null);

    public double Share(string key, double otherwise) =>
        Parsed(key, otherwise, "a share from 0 to 1", text => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1 ? value : null);

    public bool Flag(string key, bool otherwise) => Parsed(key, otherwise, "true or false", text => text switch { "true" => true, "false" => false, _ => (bool?)null });

    public T Choice<T>(string key, T otherwise, IReadOnlyDictionary<string, T> choices)
        where T : struct => Parsed(key, otherwise, "one of " + string.Join(", ", choices.Keys), text => choices.TryGetValue(text, out var value) ? value : null);

    /// <summary>A value with its own reader; null from it is a mistake.</summary>
    public T Parsed<T>(string key, T otherwise, string expected, Func<string, T?> parse)
        where T : struct
    {
        if (Text(key) is not { } text) return otherwise;
        if (parse(text) is { } value) return value;
        Mistake(key, expected);
        return otherwise;
    }

    public T? ParsedObject<T>(string key, string expected, Func<string, T?> parse)
        where T : class
    {
        if (Text(key) is not { } text) return null;
        var value = parse(text);
        if (value is null) Mistake(key, expected);
        return value;
    }

    /// <summary>Names a mistake at a key of this mapping.</summary>
    public void Mistake(string key, string expected) => Mistake(Find(key), Path(key), expected);

    /// <summary>Names the keys that mean nothing.</summary>
    public void Close()
    {
        if (_mapping is null) return;
        foreach (var (name, node) in _mapping.Children)
        {
            var key = (name as YamlScalarNode)?.Value ?? name.ToString();
            if (!_asked.Contains(key)) _mistakes.Add(new(_file, (int)name.Start.Line, Path(key), "one of " + string.Join(", ", _asked.Order(StringComparer.Ordinal))));
        }
    }

    private static string Show(TimeSpan duration) =>
        duration.TotalSeconds >= 1 ? $"{duration.TotalSeconds:0.###}s" : $"{duration.TotalMilliseconds:0.###}ms";

    private void Mistake(YamlNode? node, string path, string expected) =>
        _mistakes.Add(new(_file, node is null ? Line : (int)node.Start.Line, path.Length == 0 ? (_path.Length == 0 ? "(file)" : _path) : path, expected));

    private YamlNode? Find(string key)
    {
        _asked.Add(key);
        if (_mapping is null) return null;
        foreach (var (name, node) in _mapping.Children)
        {
            if (name is YamlScalarNode { Value: { } text } && text == key) return node;
        }
        return null;
    }

    private string Path(string key) => _path.Length == 0 ? key : $"{_path}.{key}";
}
