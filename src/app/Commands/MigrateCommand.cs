using System.CommandLine;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;

namespace SkyRiff.App.Commands;

/// <summary>skyriff migrate: what every start does too, by itself.</summary>
internal static class MigrateCommand
{
    public static Command Make()
    {
        var data = InstanceOptions.Data();
        var config = InstanceOptions.Config();
        var command = new Command("migrate", "Brings the schemas of all shards up to date.") { data, config };
        command.SetAction((parsed, token) => CommandLine.GuardAsync(async () =>
        {
            using var logs = LoggerFactory.Create(ConsoleLog.Add);
            await using var instance = await Instance.OpenAsync(parsed.GetValue(data), parsed.GetValue(config), new Dictionary<string, string?>(), logs, new Lines(), token);
            await using var server = Server.Build(instance.Configuration, instance.MasterKey);
            var applied = await server.MigrateAsync(new Lines(), token);
            Console.WriteLine(applied == 0 ? "Nothing to do: all shards are up to date." : $"{applied} migrations applied.");
            return ExitCode.Ok;
        }));
        return command;
    }
}
