using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// Watches the configuration file by reading it: notifications do not cross every mount. A file with mistakes is reported and not used; the one before
/// stays in force.
/// </summary>
internal sealed class ConfigReloader(string path, string text, EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<ConfigReloader> logger)
    : SupervisedLoop("gateway-config-reloader", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private string _seen = text;

    public int Reloads { get; private set; }

    /// <summary>The mistakes of the newest file, when it is not the one in force.</summary>
    public string LastMistakes { get; private set; } = "";

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(Interval, Time, stopping);
            await TryReloadAsync(stopping);
        }
    }

    public async Task TryReloadAsync(CancellationToken cancellationToken)
    {
        string text;
        try
        {
            text = await File.ReadAllTextAsync(path, cancellationToken);
        }
        catch (IOException)
        {
            return; // being replaced
        }
        if (text == _seen) return;
        _seen = text;
        try
        {
            var edge = ConfigParser.Parse(Path.GetFileName(path), text).Edge;
            if (edge.Redis != runtime.Snapshot.Config.Redis)
                throw new ConfigException([new(Path.GetFileName(path), 1, "redis", "the address that the gateway was started with; another needs a restart")]);
            await runtime.ApplyAsync(edge, cancellationToken);
            Reloads++;
            LastMistakes = "";
            Logger.LogInformation("Configuration {File} is in force (reload {Number})", path, Reloads);
        }
        catch (ConfigException mistakes)
        {
            LastMistakes = mistakes.Message;
            Logger.LogError("Configuration {File} is not used: {Mistakes}", path, mistakes.Message);
        }
    }
}
