using System.Diagnostics;
using System.Globalization;

namespace SkyRiff.Bench.Gateway;

/// <summary>One run of a load generator: what the clients saw.</summary>
internal sealed record Load(double RequestsPerSecond, double Requests, double P99Milliseconds, bool Clean)
{
    private static readonly int Threads = GatewayBench.OtherCores.Split(',').Length;

    public static async Task<Load> WrkAsync(string cores, int connections, TimeSpan duration, int port, string path, IEnumerable<string> headers, CancellationToken cancellationToken)
    {
        var text = await RunAsync(cores, ["wrk", $"-t{Threads}", $"-c{connections}", $"-d{Seconds(duration)}s", "--latency", .. headers.SelectMany(h => new[] { "-H", h }), $"http://127.0.0.1:{port}{path}"], cancellationToken);
        var lines = Lines(text);
        var requests = Number(lines.First(l => l.Contains(" requests in ", StringComparison.Ordinal)).Split(' ')[0]);
        var rate = Number(lines.First(l => l.StartsWith("Requests/sec:", StringComparison.Ordinal)).Split(':')[1]);
        var p99 = Milliseconds(lines.First(l => l.StartsWith("99%", StringComparison.Ordinal))[3..].Trim());
        var clean = !lines.Exists(l => l.StartsWith("Socket errors", StringComparison.Ordinal) || l.StartsWith("Non-2xx", StringComparison.Ordinal));
        if (!clean) await Console.Error.WriteLineAsync(text);
        return new(rate, requests, p99, clean);
    }

    /// <summary>One request at a time on each connection, over TLS.</summary>
    public static async Task<Load> H2loadAsync(string cores, int connections, TimeSpan duration, int port, bool http2, string folder, CancellationToken cancellationToken)
    {
        // It writes a line for every request: when it began, its status, and the microseconds it took.
        var log = Path.Combine(folder, "h2load.log");
        File.Delete(log);
        var text = await RunAsync(cores, ["h2load", $"-t{Threads}", $"-c{connections}", "-m1", $"-D{Seconds(duration)}", $"--log-file={log}", .. http2 ? [] : new[] { "--h1" }, $"https://127.0.0.1:{port}/x"], cancellationToken);
        var took = new List<double>();
        var clean = true;
        await foreach (var line in File.ReadLinesAsync(log, cancellationToken))
        {
            var fields = line.Split('\t');
            clean &= fields[1] == "200";
            took.Add(Number(fields[2]) / 1000);
        }
        clean &= took.Count > 0;
        if (!clean) await Console.Error.WriteLineAsync(text);
        took.Sort();
        return new(took.Count / duration.TotalSeconds, took.Count, took.Count == 0 ? 0 : took[(int)(took.Count * 0.99)], clean);
    }

    private static async Task<string> RunAsync(string cores, string[] command, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo("taskset", ["-c", cores, .. command]) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new InvalidOperationException($"{command[0]} did not start.");
        var text = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}: {text}");
    }

    private static List<string> Lines(string text) => [.. text.Split('\n').Select(line => line.Trim())];

    private static string Seconds(TimeSpan duration) => ((int)duration.TotalSeconds).ToString(CultureInfo.InvariantCulture);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static double Milliseconds(string text) => text switch
    {
        _ when text.EndsWith("us", StringComparison.Ordinal) => Number(text[..^2]) / 1000,
        _ when text.EndsWith("ms", StringComparison.Ordinal) => Number(text[..^2]),
        _ => Number(text[..^1]) * 1000,
    };
}
