using SkyRiff.SystemTests.Engines;

namespace SkyRiff.SystemTests;

internal static class Program
{
    public static Task<int> Main(string[] arguments) => arguments switch
    {
        [EngineHost.Command, .. var rest] => EngineHost.RunAsync(rest),
        _ => Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(arguments, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
    };
}
