using System.CommandLine;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Hosting;
using SkyRiff.Gateway;

namespace SkyRiff.App.Commands;

/// <summary>skyriff gateway run and check: the gateway alone, in front of any HTTP services.</summary>
internal static class GatewayCommand
{
    public static Command Make()
    {
        var config = new Option<FileInfo>("--config") { Description = "The gateway's configuration, YAML or JSON; reloaded when it changes.", Required = true };
        var run = new Command("run", "Runs the gateway alone until Ctrl+C.") { config };
        run.SetAction((parsed, token) => CommandLine.GuardAsync(async () =>
        {
            using var logs = LoggerFactory.Create(ConsoleLog.Add);
            return CodeOf(await GatewayHost.RunAsync(parsed.GetValue(config)!.FullName, Console.Out, logs, token));
        }));
        var file = new Argument<FileInfo>("file") { Description = "The configuration to check." };
        var check = new Command("check", "Names every mistake in a configuration, with its line and what was expected.") { file };
        check.SetAction((parsed, token) => CommandLine.GuardAsync(async () => CodeOf(await GatewayHost.CheckAsync(parsed.GetValue(file)!.FullName, Console.Out, token))));
        return new Command("gateway", "The gateway by itself.") { run, check };
    }

    /// <summary>A file with mistakes and one that cannot be read are both the caller's to mend.</summary>
    private static ExitCode CodeOf(int code) => code == 0 ? ExitCode.Ok : ExitCode.Usage;
}
