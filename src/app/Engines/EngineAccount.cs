using System.Diagnostics;
using System.Globalization;

namespace SkyRiff.App.Engines;

/// <summary>
/// Whom the engines run as. An ordinary user runs them as itself. Root must not (PostgreSQL refuses, and neither engine needs the
/// rights), so they get an unprivileged account: the one that owns the existing database, else postgres, else nobody. User and group
/// are numbers for setpriv; null when the engines run as the user that started us.
/// </summary>
internal sealed record EngineAccount(string? User, string? Group)
{
    public bool IsOther => User is not null;

    /// <summary>Where the database lies, or will lie, has a say.</summary>
    public static async Task<EngineAccount> ChooseAsync(string existingDirectory, CancellationToken cancellationToken)
    {
        if (!Environment.IsPrivilegedProcess) return new EngineAccount(null, null);
        if (EngineTools.FindOnPath("setpriv") is null)
            throw new EngineException(EngineFault.ToolMissing, "Root may not run PostgreSQL itself, and the program setpriv (package util-linux) that changes the user is missing. Install it, or run SkyRiff as an ordinary user.");
        if (Directory.Exists(existingDirectory) && await OwnerOfAsync(existingDirectory, cancellationToken) is [var owner, var group] && owner != "0")
            return new EngineAccount(owner, group);

        var names = (await File.ReadAllLinesAsync("/etc/passwd", cancellationToken)).Select(line => line.Split(':')).Where(fields => fields.Length > 3).ToList();
        var account = names.Find(fields => fields[0] == "postgres") ?? names.Find(fields => fields[0] == "nobody")
            ?? throw new EngineException(EngineFault.ToolMissing, "Root may not run PostgreSQL itself, and there is neither an account named postgres nor one named nobody. Run SkyRiff as an ordinary user.");
        return new EngineAccount(account[2], account[3]);
    }

    /// <summary>Makes the directory (0700) for the account when it is missing.</summary>
    public async Task MakeDirectoryAsync(string path, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path)) return;
        if (!IsOther)
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return;
        }

        var (code, output) = await RunAsync("install", ["-d", "-m", "0700", "-o", User!, "-g", Group!, "--", path], cancellationToken);
        if (code != 0) throw new EngineException(EngineFault.FolderUnusable, $"The folder {path} could not be made for the engines' account: {output}");
    }

    /// <summary>Asks by trying, as that account: modes, access lists, mount options and containers all have a say.</summary>
    public async Task<bool> CanEnterAsync(string path, CancellationToken cancellationToken) =>
        !IsOther || (await RunAsync("setpriv", [.. SetprivArguments, "test", "-x", path], cancellationToken)).Code == 0;

    /// <summary>Arguments for setpriv that give up everything root has.</summary>
    public string[] SetprivArguments => IsOther ? [$"--reuid={User}", $"--regid={Group}", "--clear-groups", "--no-new-privs"] : ["--no-new-privs"];

    /// <summary>The numbers of the user and the group that own <paramref name="path"/>, links followed.</summary>
    public static async Task<string[]> OwnerOfAsync(string path, CancellationToken cancellationToken)
    {
        // GNU and BSD spell it differently.
        string[] format = OperatingSystem.IsLinux() ? ["-L", "-c", "%u:%g"] : ["-L", "-f", "%u:%g"];
        var (code, output) = await RunAsync("stat", [.. format, path], cancellationToken);
        return code == 0 ? output.Trim().Split(':') : throw new EngineException(EngineFault.FolderUnusable, string.Create(CultureInfo.InvariantCulture, $"The owner of {path} is not known: {output}"));
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(EngineTools.FindOnPath(program) ?? program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, process.ExitCode == 0 ? output : (await errors).Trim());
    }
}
