using System.CommandLine;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Engines;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;
using SkyRiff.Contracts;

namespace SkyRiff.App.Commands;

/// <summary>skyriff doctor: looks at everything an instance needs and says what is wrong and what to do about it.</summary>
internal static class DoctorCommand
{
    public static Command Make()
    {
        var data = InstanceOptions.Data();
        var config = InstanceOptions.Config();
        var command = new Command("doctor", "Checks the tools, the data folder, the engines, the schemas and the books; exit code 1 if anything is wrong.") { data, config };
        command.SetAction((parsed, token) => CommandLine.GuardAsync(() => RunAsync(parsed.GetValue(data), parsed.GetValue(config), token)));
        return command;
    }

    private static async Task<ExitCode> RunAsync(DirectoryInfo? data, FileInfo? config, CancellationToken token)
    {
        var path = data?.FullName ?? DataFolder.DefaultPath();
        var well = true;
        well &= await CheckAsync("ffmpeg and ffprobe", async () => $"{await VersionAsync("ffmpeg", token)}; {await VersionAsync("ffprobe", token)}");
        well &= await CheckAsync("data folder", () => Task.FromResult(Directory.Exists(path) ? $"{path}, {new DriveInfo(path).AvailableFreeSpace >> 20} MB free" : $"{path} is not there yet; ./skyriff up makes it"));
        if (Directory.Exists(path))
        {
            well &= await CheckAsync("instance", () => Task.FromResult(LocalEngines.TryFindRunning(path) is null ? "not running" : "running"));
            using var logs = LoggerFactory.Create(ConsoleLog.Add);
            well &= await CheckAsync("engines, schemas and books", async () =>
            {
                await using var site = await Site.OpenAsync(data, config, logs, token);
                var applied = await site.Server.MigrateAsync(new Lines(), token);
                var report = await site.Server.Services.GetRequiredService<ILedgerAudit>().VerifyAsync(token);
                return report.IsClean
                    ? $"{report.Shards.Count} shards, {applied} migrations were missing, {report.Shards.Sum(shard => shard.Transfers)} transfers, all clean"
                    : throw new InvalidOperationException($"{report.ViolationCount} violations in the ledger; skyriff ledger verify lists them");
            });
        }
        Console.WriteLine(well ? "All is well." : "Something is wrong; see above.");
        return well ? ExitCode.Ok : ExitCode.Failed;
    }

    private static async Task<bool> CheckAsync(string what, Func<Task<string>> check)
    {
        try
        {
            Console.WriteLine($"ok    {what}: {await check()}");
            return true;
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            Console.WriteLine($"wrong {what}: {fault.Message}");
            return false;
        }
    }

    private static async Task<string> VersionAsync(string program, CancellationToken token)
    {
        using var process = Process.Start(new ProcessStartInfo(program, "-version") { RedirectStandardOutput = true, UseShellExecute = false }) ?? throw new InvalidOperationException($"{program} did not start");
        var line = await process.StandardOutput.ReadLineAsync(token);
        await process.StandardOutput.ReadToEndAsync(token);
        await process.WaitForExitAsync(token);
        return string.Join(' ', (line ?? program).Split(' ').Take(3));
    }
}
