using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.App;
using SkyRiff.App.Engines;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.SystemTests.Engines;

/// <summary>
/// A process of its own that owns a data folder and its engines: tests kill it, or run it as another user. Says one line, either
/// <c>ready {addresses}</c> or <c>fault {code} {message}</c>, and ends when its input does.
/// </summary>
internal sealed class EngineHost : IDisposable
{
    public const string Command = "engine-host";

    private readonly Process _process;

    private EngineHost(Process process) => _process = process;

    public static async Task<int> RunAsync(string[] arguments)
    {
        try
        {
            using var folder = DataFolder.Open(arguments[0], Entropy.System);
            await using var engines = await LocalEngines.StartAsync(
                folder, new LocalEnginesOptions { OutsideFolder = arguments[1] }, TimeProvider.System, Entropy.System, NullLogger.Instance, new Said(), CancellationToken.None);
            await Console.Out.WriteLineAsync($"ready {JsonSerializer.Serialize(engines.Addresses)}");
            await Console.In.ReadToEndAsync(CancellationToken.None);
            return 0;
        }
        catch (Exception fault)
        {
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"fault {(int)ExitCodes.Of(fault)} {fault.Message.ReplaceLineEndings(" ")}"));
            return (int)ExitCodes.Of(fault);
        }
    }

    /// <summary>Starts <paramref name="executable"/> (this assembly's), under <paramref name="wrapper"/> such as <c>setpriv --reuid=nobody</c>; returns with its line.</summary>
    public static async Task<(EngineHost Host, string Line)> StartAsync(string dataPath, string outside, string executable, params string[] wrapper)
    {
        string[] command = [.. wrapper, executable, Command, dataPath, outside];
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        var host = new EngineHost(Process.Start(start)!);
        return (host, await host._process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) ?? "nothing");
    }

    public static EngineAddresses Addresses(string line) =>
        line.StartsWith("ready ", StringComparison.Ordinal) ? JsonSerializer.Deserialize<EngineAddresses>(line["ready ".Length..])! : throw new InvalidOperationException($"the host said: {line}");

    /// <summary>As the operating system does when memory runs out: no chance to tidy up.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    public async Task<int> StopAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }

    private sealed class Said : IProgress<string>
    {
        public void Report(string value) => Console.Error.WriteLine(value);
    }
}
