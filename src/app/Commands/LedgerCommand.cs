using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Engines;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;
using SkyRiff.Contracts;

namespace SkyRiff.App.Commands;

/// <summary>skyriff ledger verify: proves the books, beside a running instance or by itself.</summary>
internal static class LedgerCommand
{
    private const int ViolationsShown = 50;

    public static Command Make()
    {
        var data = InstanceOptions.Data();
        var config = InstanceOptions.Config();
        var verify = new Command("verify", "Proves that every transfer balances, every balance is the sum of its entries, and every hold ended at most once; exit code 1 if not.") { data, config };
        verify.SetAction((parsed, token) => CommandLine.GuardAsync(() => VerifyAsync(parsed.GetValue(data), parsed.GetValue(config), token)));
        return new Command("ledger", "The books.") { verify };
    }

    private static async Task<ExitCode> VerifyAsync(DirectoryInfo? data, FileInfo? config, CancellationToken token)
    {
        using var logs = LoggerFactory.Create(ConsoleLog.Add);
        await using var site = await Site.OpenAsync(data, config, logs, token);
        var report = await site.Server.Services.GetRequiredService<ILedgerAudit>().VerifyAsync(token);
        foreach (var shard in report.Shards)
        {
            Console.WriteLine($"shard {shard.Shard}: {shard.Wallets} wallets, {shard.Transfers} transfers, {shard.Entries} entries, {shard.Holds} holds ({shard.OpenHolds} open); credits {shard.Credits}, held {shard.Held}, coins {shard.Coins}");
        }
        foreach (var violation in report.Violations.Take(ViolationsShown)) Console.WriteLine($"shard {violation.Shard}: {violation.Rule}: {violation.Subject}: {violation.Detail}");
        Console.WriteLine(report.IsClean ? "The ledger is clean." : $"The ledger has {report.ViolationCount} violations.");
        return report.IsClean ? ExitCode.Ok : ExitCode.Failed;
    }
}

/// <summary>An instance to look at: the running one's engines if it runs, else engines of our own for the while.</summary>
internal sealed class Site : IAsyncDisposable
{
    private readonly Instance? _instance;

    private Site(Instance? instance, Server server) => (_instance, Server) = (instance, server);

    public Server Server { get; }

    public static async Task<Site> OpenAsync(DirectoryInfo? data, FileInfo? config, ILoggerFactory logs, CancellationToken token)
    {
        var path = data?.FullName ?? DataFolder.DefaultPath();
        if (LocalEngines.TryFindRunning(path) is { } running)
        {
            var (configuration, masterKey) = Instance.Beside(path, config, running);
            var beside = Server.Build(configuration, masterKey);
            await beside.LoadDirectoryAsync(token);
            return new Site(null, beside);
        }
        var instance = await Instance.OpenAsync(data, config, new Dictionary<string, string?>(), logs, new Lines(), token);
        var server = Server.Build(instance.Configuration, instance.MasterKey);
        await server.LoadDirectoryAsync(token);
        return new Site(instance, server);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (_instance is not null) await _instance.DisposeAsync();
    }
}
