using System.CommandLine;
using SkyRiff.App.Hosting;
using SkyRiff.Data;

namespace SkyRiff.App.Commands;

/// <summary>The commands of the program, and the one place where a fault becomes a message and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>
    /// From the signal to the end of the process, when a command does not end by itself: above the longest grace and the stop of the engines. The library's own limit is 2 s, after
    /// which it would end the process under the work that is just being put away.
    /// </summary>
    private static readonly TimeSpan StopMax = TimeSpan.FromMinutes(10);

    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("SkyRiff: a self-hostable AI-video community.")
        {
            UpCommand.Make(),
            MigrateCommand.Make(),
            LedgerCommand.Make(),
            FeedsCommand.Make(),
            DoctorCommand.Make(),
            DemoCommand.Make(),
            GatewayCommand.Make(),
            DescribeCommand.Make(),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) await Console.Error.WriteLineAsync("skyriff: " + error.Message);
            await Console.Error.WriteLineAsync("skyriff --help lists the commands and their options.");
            return (int)ExitCode.Usage;
        }
        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = StopMax });
    }

    /// <summary>Runs a command's work; what fails in an expected way ends with one clear message, what fails otherwise with its stack.</summary>
    public static async Task<int> GuardAsync(Func<Task<ExitCode>> work)
    {
        try
        {
            return (int)await work();
        }
        catch (Exception fault) when (fault is Engines.EngineException or DataFolderException or ConfigurationException or DataException or OperationCanceledException)
        {
            if (fault is not OperationCanceledException) await Console.Error.WriteLineAsync("skyriff: " + fault.Message);
            return (int)ExitCodes.Of(fault);
        }
        catch (IOException fault) when (fault.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            await Console.Error.WriteLineAsync("skyriff: the port is taken by another program; choose another with --port.");
            return (int)ExitCode.PortTaken;
        }
        catch (Exception fault)
        {
            await Console.Error.WriteLineAsync("skyriff: " + fault);
            return (int)ExitCode.Failed;
        }
    }
}
