using System.CommandLine;
using System.CommandLine.Parsing;
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
            GatewayHost.PrepareProcess();
            using var logs = LoggerFactory.Create(ConsoleLog.Add);
            return CodeOf(await GatewayHost.RunAsync(parsed.GetValue(config)!.FullName, Console.Out, logs, token));
        }));
        var file = new Argument<FileInfo>("file") { Description = "The configuration to check." };
        var check = new Command("check", "Names every mistake in a configuration, with its line and what was expected.") { file };
        check.SetAction((parsed, token) => CommandLine.GuardAsync(async () => CodeOf(await GatewayHost.CheckAsync(parsed.GetValue(file)!.FullName, Console.Out, token))));
        return new Command("gateway", "The gateway by itself.") { run, check, MakeRegister(), MakeRevoke() };
    }

    private static Command MakeRegister()
    {
        var redis = new Option<string>("--redis") { Description = "Where the registry is: redis://host:port or unix:///path.", Required = true };
        var registry = new Option<string>("--registry") { Description = "The registry's name, as in the gateway's configuration.", Required = true };
        var address = new Option<string>("--address") { Description = "Where the instance is reached: host:port or unix:/path.", Required = true };
        var weight = new Option<int>("--weight") { Description = "Its share beside other instances, 1 to 1000.", DefaultValueFactory = _ => 1 };
        var lease = new Option<int>("--lease") { Description = "Seconds after which the instance is gone when nobody renews.", DefaultValueFactory = _ => 15 };
        var check = new Option<Uri?>("--check") { Description = "Renew only while this address answers 2xx.", CustomParser = ParseAddress };
        var register = new Command("register", "Keeps an instance in a registry that gateways follow, until Ctrl+C.") { redis, registry, address, weight, lease, check };
        register.SetAction((parsed, token) => CommandLine.GuardAsync(async () =>
        {
            using var logs = LoggerFactory.Create(ConsoleLog.Add);
            return CodeOf(await GatewayHost.RegisterAsync(parsed.GetValue(redis)!, parsed.GetValue(registry)!, parsed.GetValue(address)!, parsed.GetValue(weight),
                TimeSpan.FromSeconds(parsed.GetValue(lease)), parsed.GetValue(check), Console.Out, logs, token));
        }));
        return register;
    }

    /// <summary>The library knows no addresses; what cannot be one is refused with the other mistakes.</summary>
    private static Uri? ParseAddress(ArgumentResult argument)
    {
        var text = argument.Tokens.Count > 0 ? argument.Tokens[0].Value : "";
        if (Uri.TryCreate(text, UriKind.Absolute, out var address)) return address;
        argument.AddError($"'{text}' is no address such as http://10.0.0.1:5000/health/ready");
        return null;
    }

    private static Command MakeRevoke()
    {
        var redis = new Option<string>("--redis") { Description = "Where the list is: redis://host:port or unix:///path.", Required = true };
        var list = new Option<string>("--list") { Description = "The list's name, as in the gateway's configuration (jwt: revocations).", Required = true };
        var user = new Option<string?>("--user") { Description = "Whose tokens up to now are refused: the claim sub." };
        var session = new Option<string?>("--session") { Description = "Which session's tokens are refused: the claim sid." };
        var revoke = new Command("revoke", "Refuses tokens that have not expired, in all gateways that follow the list.") { redis, list, user, session };
        revoke.SetAction((parsed, token) => CommandLine.GuardAsync(async () =>
        {
            using var logs = LoggerFactory.Create(ConsoleLog.Add);
            var code = await GatewayHost.RevokeAsync(parsed.GetValue(redis)!, parsed.GetValue(list)!, parsed.GetValue(user), parsed.GetValue(session), Console.Out, logs, token);
            return code == 1 ? ExitCode.Failed : CodeOf(code);
        }));
        return revoke;
    }

    /// <summary>A file with mistakes and one that cannot be read are both the caller's to mend.</summary>
    private static ExitCode CodeOf(int code) => code == 0 ? ExitCode.Ok : ExitCode.Usage;
}
