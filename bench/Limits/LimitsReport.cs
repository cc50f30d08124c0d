using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SkyRiff.Bench.Limits;

/// <summary>Collects figures, prints each with its median as it comes, and writes them as one JSON file.</summary>
internal sealed class LimitsReport(int runs)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly List<Figure> _figures = [];

    public int Runs { get; } = runs;

    public void Measure(string name, string unit, Func<double> run) => Add(name, unit, Enumerable.Range(0, Runs).Select(_ => run()).ToList());

    public void Add(string name, string unit, IEnumerable<double> values)
    {
        var rounded = values.Select(value => Math.Round(value, 3)).ToArray();
        var figure = new Figure(name, unit, rounded.Order().ElementAt(rounded.Length / 2), rounded);
        _figures.Add(figure);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-56} {figure.Median,14:#,0.###} {unit}   [{string.Join(", ", rounded)}]"));
    }

    public async Task WriteAsync(string resultsDir, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(resultsDir);
        var cpu = File.Exists("/proc/cpuinfo")
            ? (await File.ReadAllLinesAsync("/proc/cpuinfo", cancellationToken)).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1]
            : null;
        var report = new
        {
            Suite = "limits",
            Machine = new { Cores = Environment.ProcessorCount, Cpu = cpu ?? "unknown", Os = RuntimeInformation.OSDescription, Dotnet = Environment.Version.ToString() },
            Results = _figures,
        };
        await File.WriteAllTextAsync(Path.Combine(resultsDir, "limits.json"), JsonSerializer.Serialize(report, Json) + "\n", cancellationToken);
    }

    private sealed record Figure(string Name, string Unit, double Median, double[] Runs);
}
