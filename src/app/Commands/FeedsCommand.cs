using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;
using SkyRiff.Contracts;

namespace SkyRiff.App.Commands;

/// <summary>skyriff feeds rebuild: the boards in Redis anew from the shards, beside a running instance or by itself. What a running instance does too, when it finds reason to.</summary>
internal static class FeedsCommand
{
    public static Command Make()
    {
        var data = InstanceOptions.Data();
        var config = InstanceOptions.Config();
        var rebuild = new Command("rebuild", "Builds the boards of the feeds in Redis anew from the shards; the feeds are read meanwhile.") { data, config };
        rebuild.SetAction((parsed, token) => CommandLine.GuardAsync(() => RebuildAsync(parsed.GetValue(data), parsed.GetValue(config), token)));
        return new Command("feeds", "What everybody sees first.") { rebuild };
    }

    private static async Task<ExitCode> RebuildAsync(DirectoryInfo? data, FileInfo? config, CancellationToken token)
    {
        using var logs = LoggerFactory.Create(ConsoleLog.Add);
        await using var site = await Site.OpenAsync(data, config, logs, token);
        var works = await site.Server.Services.GetRequiredService<IFeedRebuild>().RebuildAsync(token);
        Console.WriteLine(works is null ? "Another process is building the board; nothing was done." : $"The board of the newest works was built from {works} works.");
        return ExitCode.Ok;
    }
}
