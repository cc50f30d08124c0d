using System.CommandLine;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;

namespace SkyRiff.App.Commands;

/// <summary>skyriff up: the engines, the migrations, the server; until it is told to stop.</summary>
internal static class UpCommand
{
    public static Command Make()
    {
        var port = new Option<int?>("--port") { Description = "The port of the web app and the API; 5080 by default." };
        var data = InstanceOptions.Data();
        var config = InstanceOptions.Config();
        var open = new Option<bool>("--open") { Description = "Open the web app in the browser." };
        var command = new Command("up", "Starts SkyRiff on this machine and serves it until Ctrl+C.") { port, data, config, open };
        command.SetAction((parsed, token) => CommandLine.GuardAsync(() => RunAsync(parsed.GetValue(port), parsed.GetValue(data), parsed.GetValue(config), parsed.GetValue(open), token)));
        return command;
    }

    private static async Task<ExitCode> RunAsync(int? port, DirectoryInfo? data, FileInfo? config, bool open, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        using var logs = LoggerFactory.Create(ConsoleLog.Add);
        var progress = new Lines();
        var overrides = new Dictionary<string, string?>();
        if (port is { } wanted) overrides["App:Port"] = wanted.ToString();

        await using var instance = await Instance.OpenAsync(data, config, overrides, logs, progress, stop);
        await using var server = Server.Build(instance.Configuration, instance.MasterKey);
        await server.StartAsync(progress, stop);
        progress.Report($"""

              SkyRiff is ready after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s:  {server.Options.Url}
              API description   {server.Options.Url}/docs
              data folder       {instance.FolderPath}
              stop with Ctrl+C

            """);
        if (open) OpenBrowser(server.Options.Url);
        await server.WaitForShutdownAsync(stop);
        progress.Report("Stopping ...");
        await server.StopAsync();
        return ExitCode.Ok;
    }

    private static void OpenBrowser(string url)
    {
        try
        {
            using var opened = Process.Start(new ProcessStartInfo(OperatingSystem.IsMacOS() ? "open" : "xdg-open", url) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false });
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"No browser could be opened; go to {url}.");
        }
    }
}

/// <summary>Progress as lines on standard error, written at once and in order.</summary>
internal sealed class Lines : IProgress<string>
{
    public void Report(string value) => Console.Error.WriteLine(value);
}
