using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace SkyRiff.Bench.Gateway;

/// <summary>A server process under measurement, pinned to some cores, with the processor time of itself and its workers.</summary>
internal sealed class PinnedProcess : IAsyncDisposable
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that runs .NET
    private readonly Process _process;

    private PinnedProcess(Process process) => _process = process;

    public static async Task<PinnedProcess> StartAsync(string cores, string file, IEnumerable<string> arguments, int port, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("taskset") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["-c", cores, file, .. arguments]) start.ArgumentList.Add(argument);
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) => Console.Error.WriteLine(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var patience = Stopwatch.StartNew();
        while (!await AnswersAsync(port, cancellationToken))
        {
            if (process.HasExited || patience.Elapsed > TimeSpan.FromSeconds(20)) throw new InvalidOperationException($"{file} does not listen on port {port}.");
            await Task.Delay(50, cancellationToken);
        }
        return new(process);
    }

    /// <summary>Seconds of processor time so far, children included while they live.</summary>
    public double CpuSeconds() => Tree().Sum(CpuSecondsOf);

    public long ResidentBytes() => Tree().Sum(pid => long.Parse(File.ReadAllText($"/proc/{pid}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize);

    public async ValueTask DisposeAsync()
    {
        // nginx and HAProxy take their workers with them on SIGTERM; ours drains.
        if (!_process.HasExited) await Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExitAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await _process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private List<int> Tree()
    {
        var pids = new List<int> { _process.Id };
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var pid) || Stat(pid) is not { } fields) continue;
            if (int.Parse(fields[1], CultureInfo.InvariantCulture) == _process.Id) pids.Add(pid);
        }
        return pids;
    }

    private static double CpuSecondsOf(int pid) => Stat(pid) is { } fields
        ? (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond : 0;

    /// <summary>The fields of /proc/PID/stat behind the name: state, parent, ...; null when it is gone.</summary>
    private static string[]? Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
