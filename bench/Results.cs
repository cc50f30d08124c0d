using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SkyRiff.Bench;

/// <summary>
/// Collects the figures of one suite, prints them, and writes <c>&lt;suite&gt;.json</c>:
/// <c>{"suite","machine":{...},"results":[{"name","unit","median","runs":[...]}]}</c>. The machine is told by kind, never by name or path.
/// </summary>
public sealed class Results(string suite)
{
    private readonly List<Result> _results = [];

    /// <summary>Adds one figure's runs; the median is what counts. Adding the same name again adds runs.</summary>
    public void Add(string name, string unit, params ReadOnlySpan<double> runs)
    {
        var result = _results.Find(r => r.Name == name);
        if (result is null)
            _results.Add(result = new Result(name, unit, []));
        foreach (var run in runs)
            result.Runs.Add(run);
    }

    public double Median(string name) => _results.Find(r => r.Name == name)?.Median ?? throw new ArgumentException($"There is no figure {name}.", nameof(name));

    public IReadOnlyList<(string Name, double Median)> Medians => [.. _results.Select(r => (r.Name, r.Median))];

    public void Print(TextWriter output)
    {
        var width = _results.Max(result => result.Name.Length);
        foreach (var result in _results)
        {
            var spread = result.Runs.Count > 1 ? $"   {Text(result.Runs.Min())} .. {Text(result.Runs.Max())}, {result.Runs.Count} runs" : "";
            output.WriteLine($"{result.Name.PadRight(width)}  {Text(result.Median),14} {result.Unit,-8}{spread}");
        }
    }

    public async Task WriteAsync(string folder, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        await using var file = File.Create(Path.Combine(folder, suite + ".json"));
        await using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("suite", suite);
        json.WriteStartObject("machine");
        json.WriteNumber("cores", Environment.ProcessorCount);
        json.WriteString("cpu", await CpuModelAsync(cancellation));
        json.WriteNumber("memory_gb", Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9, 1));
        json.WriteString("os", RuntimeInformation.OSDescription.Split('#')[0].Trim());
        json.WriteString("dotnet", RuntimeInformation.FrameworkDescription);
        json.WriteEndObject();
        json.WriteStartArray("results");
        foreach (var result in _results)
        {
            json.WriteStartObject();
            json.WriteString("name", result.Name);
            json.WriteString("unit", result.Unit);
            json.WriteNumber("median", Rounded(result.Median));
            json.WriteStartArray("runs");
            foreach (var run in result.Runs)
                json.WriteNumberValue(Rounded(run));
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(cancellation);
    }

    private static async Task<string> CpuModelAsync(CancellationToken cancellation)
    {
        const string source = "/proc/cpuinfo";
        if (!File.Exists(source))
            return RuntimeInformation.ProcessArchitecture.ToString();
        var line = (await File.ReadAllLinesAsync(source, cancellation)).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>Four significant digits are more than any run repeats.</summary>
    private static double Rounded(double value) => double.Parse(value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Text(double value) => value >= 1000 ? value.ToString("N0", CultureInfo.InvariantCulture) : value.ToString("G4", CultureInfo.InvariantCulture);

    private sealed record Result(string Name, string Unit, List<double> Runs)
    {
        public double Median
        {
            get
            {
                var sorted = Runs.Order().ToArray();
                var middle = sorted.Length / 2;
                return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            }
        }
    }
}
