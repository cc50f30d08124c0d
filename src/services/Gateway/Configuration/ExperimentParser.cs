using SkyRiff.Gateway.Decisions;

namespace SkyRiff.Gateway.Configuration;

/// <summary>Reads one entry of <c>experiments</c>.</summary>
internal static class ExperimentParser
{
    private const int ArmsMax = 32;
    private const int WeightMax = 1_000_000;

    public static ExperimentConfig Parse(string name, ConfigNode node)
    {
        var arms = new List<(string Name, int Weight)>();
        foreach (var (arm, text) in node.Pairs("arms"))
        {
            if (!int.TryParse(text, out var weight) || weight is < 0 or > WeightMax) node.Mistake("arms", $"weights from 0 to {WeightMax}, and that of {arm} is none");
            if (!RouteParser.IsToken(arm)) node.Mistake("arms", $"names of letters, digits and dashes, and {arm} is none");
            arms.Add((arm, weight));
        }
        if (arms.Count is < 2 or > ArmsMax || arms.Sum(a => (long)a.Weight) == 0) node.Mistake("arms", $"2 to {ArmsMax} arms with weights, such as {{control: 90, green: 10}}");
        var isName = RouteParser.IsToken(name);
        if (!isName) node.Mistake("arms", $"an experiment whose name is letters, digits and dashes, and {name} is none");
        var header = node.Text("header") ?? (isName ? "X-Experiment-" + name : "");
        if (isName && !FieldTransforms.IsAllowedName(header)) node.Mistake("header", "the name of a header that is neither framing nor hop-by-hop");
        node.Close();
        return new(name) { Header = header, Arms = arms };
    }
}
