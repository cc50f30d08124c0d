using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Engines;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Secrets;

namespace SkyRiff.App.Instances;

/// <summary>
/// An instance on this machine: its data folder, its private engines (unless others are configured), its settings and its master key. Owns the folder until disposed.
/// Settings come, each overriding the one before, from: the defaults, what the local engines say, the JSON file, the environment
/// (<c>SKYRIFF__Videos__Studio__CreditsPerSecond=2</c>), the command line.
/// </summary>
internal sealed class Instance : IAsyncDisposable
{
    /// <summary>How many shards a private PostgreSQL has; few enough for a laptop, enough that nothing forgets that there are several.</summary>
    private const int LocalShards = 4;

    public const string EnvironmentPrefix = "SKYRIFF__";

    private readonly DataFolder _folder;
    private readonly LocalEngines? _engines;

    private Instance(DataFolder folder, LocalEngines? engines, IConfiguration configuration, MasterKey masterKey)
    {
        (_folder, _engines) = (folder, engines);
        (Configuration, MasterKey) = (configuration, masterKey);
    }

    public string FolderPath => _folder.Path;

    public LocalEngines? Engines => _engines;

    public IConfiguration Configuration { get; }

    public MasterKey MasterKey { get; }

    public static async Task<Instance> OpenAsync(DirectoryInfo? data, FileInfo? config, IReadOnlyDictionary<string, string?> overrides, ILoggerFactory logs, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var folder = DataFolder.Open(data?.FullName ?? DataFolder.DefaultPath(), Entropy.System);
        LocalEngines? engines = null;
        try
        {
            var own = OwnSettings(folder.Path, config, overrides).Build();
            _ = (folder.Subfolder("objects"), folder.Subfolder("scratch"));
            var settings = Defaults(folder.Path);
            if (!own.GetSection("Data:Shards").GetChildren().Any())
            {
                engines = await LocalEngines.StartAsync(folder, new LocalEnginesOptions(), TimeProvider.System, Entropy.System, logs.CreateLogger("engines"), progress, cancellationToken);
                foreach (var (key, value) in await MakeDatabasesAsync(engines.Addresses, cancellationToken)) settings[key] = value;
            }
            var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).AddConfiguration(own).Build();
            return new Instance(folder, engines, configuration, MasterKeyFile.ReadOrMake(folder));
        }
        catch
        {
            if (engines is not null) await engines.DisposeAsync();
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The settings and the key of an instance that another process runs.</summary>
    public static (IConfiguration Configuration, MasterKey MasterKey) Beside(string path, FileInfo? config, EngineAddresses running)
    {
        var settings = Defaults(path);
        foreach (var (key, value) in EngineSettings(running)) settings[key] = value;
        var own = OwnSettings(path, config, new Dictionary<string, string?>()).Build();
        return (new ConfigurationBuilder().AddInMemoryCollection(settings).AddConfiguration(own).Build(), MasterKeyFile.Read(path));
    }

    public async ValueTask DisposeAsync()
    {
        if (_engines is not null) await _engines.DisposeAsync();
        _folder.Dispose();
    }

    private static IConfigurationBuilder OwnSettings(string folder, FileInfo? config, IReadOnlyDictionary<string, string?> overrides)
    {
        var builder = new ConfigurationBuilder();
        if (config is not null) builder.AddJsonFile(config.FullName, optional: false, reloadOnChange: false);
        else builder.AddJsonFile(Path.Combine(folder, "skyriff.json"), optional: true, reloadOnChange: false);
        return builder.AddEnvironmentVariables(EnvironmentPrefix).AddInMemoryCollection(overrides);
    }

    private static Dictionary<string, string?> Defaults(string folder) => new(StringComparer.OrdinalIgnoreCase)
    {
        ["Videos:ObjectsFolder"] = Path.Combine(folder, "objects"),
        ["Videos:ScratchFolder"] = Path.Combine(folder, "scratch"),
        ["Payments:Sandbox:Enabled"] = "true",
    };

    /// <summary>Makes the shards' databases and answers where they are.</summary>
    private static async Task<Dictionary<string, string?>> MakeDatabasesAsync(EngineAddresses addresses, CancellationToken cancellationToken)
    {
        var server = $"Host={addresses.PostgresSocketDirectory};Port={addresses.PostgresPort}";
        var names = Enumerable.Range(0, LocalShards).Select(number => $"skyriff_{number}").ToList();
        await DatabaseCreation.EnsureAsync($"{server};Database=postgres;Username={addresses.PostgresUser};Pooling=false", names, cancellationToken);
        return EngineSettings(addresses);
    }

    private static Dictionary<string, string?> EngineSettings(EngineAddresses addresses)
    {
        var settings = new Dictionary<string, string?> { ["Data:AdminUser"] = addresses.PostgresUser, ["Redis:Address"] = "unix:" + addresses.RedisSocketPath };
        for (var number = 0; number < LocalShards; number++) settings[$"Data:Shards:{number}:Primary"] = $"Host={addresses.PostgresSocketDirectory};Port={addresses.PostgresPort};Database=skyriff_{number}";
        return settings;
    }
}
