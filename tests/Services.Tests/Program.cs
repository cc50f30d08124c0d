using SkyRiff.Services.Tests.Gateway.Holding;

namespace SkyRiff.Services.Tests;

internal static class Program
{
    public static Task<int> Main(string[] arguments) => arguments switch
    {
        [GatewayProcess.Command, var configFile] => GatewayProcess.ServeAsync(configFile),
        [AttackProcess.ClientsCommand] => SlowClients.RunAsync(),
        [AttackProcess.HolderCommand] => SlowHolder.RunAsync(),
        _ => Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(arguments, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
    };
}
