using System.CommandLine;
using Microsoft.Extensions.Configuration;
using SkyRiff.App.Describing;
using SkyRiff.App.Hosting;
using SkyRiff.Kernel.Secrets;

namespace SkyRiff.App.Commands;

/// <summary>skyriff describe: the published surfaces as text, without starting anything; what the golden files are made of.</summary>
internal static class DescribeCommand
{
    public static Command Make()
    {
        var what = new Argument<string>("what") { Description = "openapi, routes, problems or options." };
        what.AcceptOnlyFromAmong("openapi", "routes", "problems", "options");
        var command = new Command("describe", "Prints the API description, the routes, the problem codes or the options.") { what };
        command.SetAction((parsed, _) => CommandLine.GuardAsync(async () =>
        {
            await using var server = Server.Build(Nowhere(), new MasterKey(new byte[MasterKey.LengthBytes]));
            Console.Write(Surfaces.Of(server, parsed.GetValue(what)!));
            return ExitCode.Ok;
        }));
        return command;
    }

    /// <summary>Enough of a configuration to build the server, which touches nothing outside.</summary>
    public static IConfiguration Nowhere() => new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["Data:Shards:0:Primary"] = "Host=127.0.0.1;Port=1;Database=none",
        ["Videos:ObjectsFolder"] = Path.Combine(Path.GetTempPath(), "skyriff-describe", "objects"),
        ["Videos:ScratchFolder"] = Path.Combine(Path.GetTempPath(), "skyriff-describe", "scratch"),
        ["Payments:Sandbox:Enabled"] = "true",
    }).Build();
}
