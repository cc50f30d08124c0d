using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using SkyRiff.App.Engines;
using SkyRiff.Kernel;
using SkyRiff.Objects;
using SkyRiff.Objects.Disk;
using SkyRiff.SystemTests.Engines;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Kit;

/// <summary>
/// A place on disk for one instance of the real program, and its settings: the program is started in it, killed, started again. Disposal leaves
/// no process and no file behind, whatever the test did.
/// </summary>
internal sealed class ProgramSite : IAsyncDisposable
{
    /// <summary>Every wait of the state machine in seconds instead of minutes, so that a test sees its end.</summary>
    private static readonly Dictionary<string, string> Quick = new()
    {
        ["Payments:StarterCredits"] = "1000000",
        ["Payments:Plans:0:Id"] = "free",
        ["Payments:Plans:0:Name"] = "Free",
        ["Payments:Plans:0:GenerationsPerDay"] = "100000",
        ["Payments:Plans:0:GenerationsAtOnce"] = "1000",
        ["Videos:Jobs:LeaseDuration"] = "00:00:02",
        ["Videos:Jobs:PollInterval"] = "00:00:00.2",
        ["Videos:Jobs:RetryDelayBase"] = "00:00:00.1",
        ["Videos:Jobs:RetryDelayMax"] = "00:00:01",
        ["Videos:Rules:TransientDelayBase"] = "00:00:00.1",
        ["Videos:Rules:TransientDelayMax"] = "00:00:00.5",
        ["Videos:Sweep:Interval"] = "00:00:00.5",
        ["Videos:Sweep:AcceptanceMax"] = "00:00:02",
        ["Videos:Sweep:JobMissingAfter"] = "00:00:02",
        ["Videos:Sweep:FilesInterval"] = "00:00:01",
        ["Videos:Sweep:OrphanAge"] = "00:00:01",
        ["App:StopGrace"] = "00:00:05",
        // All clients of a test have one address, and look at things far more often than people do.
        ["Edge:PerAddress:Count"] = "100000",
        ["Edge:PerAddress:Burst"] = "100000",
        ["Edge:PerUser:Count"] = "1000000",
        ["Edge:RegistrationsPerAddress:Burst"] = "100000",
        ["Edge:SignInsPerAddress:Burst"] = "100000",
    };

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "skyriff");

    private readonly ConcurrentBag<RunningProgram> _started = [];
    private readonly string _root;
    private readonly bool _fromNothing;

    /// <param name="fromNothing">The first start makes the database; without it the folder begins as a copy of one in which that was done.</param>
    public ProgramSite(IEnumerable<KeyValuePair<string, string>>? settings = null, bool fromNothing = false)
    {
        _fromNothing = fromNothing;
        _root = Path.Combine("/tmp", $"skyriff-site-{Entropy.System.NextSecret(6)}");
        Directory.CreateDirectory(_root);
        File.SetUnixFileMode(_root, (UnixFileMode)0b111_101_101);
        DataPath = Path.Combine(_root, "data");
        Settings = new Dictionary<string, string>(Quick);
        foreach (var (key, value) in settings ?? []) Settings[key] = value;
        Port = FreePort();
    }

    public string DataPath { get; }

    public string LogPath => Path.Combine(_root, "log");

    public string Root => _root;

    /// <summary>What the next start is given, over the quick defaults.</summary>
    public Dictionary<string, string> Settings { get; }

    public int Port { get; private set; }

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port}"));

    public EngineAddresses Engines => EngineAddresses.TryRead(DataPath) ?? throw new InvalidOperationException($"No engines run on {DataPath}.");

    /// <summary>Starts the program and waits until it may be sent calls.</summary>
    /// <param name="crashAt">A checkpoint at which it kills itself; it may do so even before it is ready, and is then answered as it is.</param>
    public async Task<RunningProgram> StartAsync(string? crashAt = null)
    {
        if (!_fromNothing && !Directory.Exists(DataPath)) await FirstFolder.CopyAsync(DataPath);
        for (var attempt = 0; ; attempt++)
        {
            var program = Launch(crashAt);
            if (await program.WaitUntilReadyAsync(mayDie: crashAt is not null)) return program;
            if (attempt == 3) throw new InvalidOperationException("Four free ports were taken before the program could take them.");
            Port = FreePort();
        }
    }

    /// <summary>Another process of the same program with a data folder of its own, working on the engines and the files of the running one.</summary>
    public async Task<RunningProgram> StartBesideAsync(string name, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var at = Engines;
        var shared = new Dictionary<string, string>(Settings) { ["Videos:ObjectsFolder"] = Path.Combine(DataPath, "objects"), ["Videos:ScratchFolder"] = Path.Combine(DataPath, "scratch"), ["Data:AdminUser"] = at.PostgresUser, ["Redis:Address"] = "unix:" + at.RedisSocketPath };
        for (var number = 0; number < 4; number++) shared[$"Data:Shards:{number}:Primary"] = $"Host={at.PostgresSocketDirectory};Port={at.PostgresPort};Database=skyriff_{number}";
        foreach (var (key, value) in settings) shared[key] = value;
        var folder = Path.Combine(_root, name);
        await RunAsync(folder, shared, "migrate"); // makes the folder, which then gets the key that both must have
        File.Copy(Path.Combine(DataPath, "keys", "master.key"), Path.Combine(folder, "keys", "master.key"), overwrite: true);
        var program = RunningProgram.Launch(Program, ["up", "--data", folder, "--port", Text(FreePort())], Variables(shared, crashAt: null), $"{LogPath}-{name}");
        _started.Add(program);
        if (!await program.WaitUntilReadyAsync(mayDie: false)) throw new InvalidOperationException($"The port of {name} was taken before it could take it.");
        return program;
    }

    /// <summary>Runs another command of the program on this data folder; answers its exit code and all that it said.</summary>
    public Task<(int Code, string Output)> RunAsync(params string[] command) => RunAsync(DataPath, Settings, command);

    internal static async Task<(int Code, string Output)> RunAsync(string folder, Dictionary<string, string> settings, params string[] command)
    {
        var start = new ProcessStartInfo(Program, [.. command, "--data", folder]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = "/" };
        foreach (var (key, value) in Variables(settings, crashAt: null)) start.Environment[key] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        return (process.ExitCode, output + await errors);
    }

    /// <summary>The rows of a query on one shard, as psql prints them.</summary>
    public Task<string> SqlAsync(int shard, string sql)
    {
        var at = Engines;
        return EngineSite.OutputOfAsync("psql", "-X", "-h", at.PostgresSocketDirectory, "-p", Text(at.PostgresPort), "-U", at.PostgresUser, "-d", $"skyriff_{Text(shard)}", "-v", "ON_ERROR_STOP=1", "-Atc", sql);
    }

    /// <summary>The rows of a query on all shards.</summary>
    public async Task<IReadOnlyList<string>> SqlAsync(string sql)
    {
        var rows = new List<string>();
        for (var shard = 0; shard < 4; shard++) rows.AddRange((await SqlAsync(shard, sql)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return rows;
    }

    /// <summary>The keys of everything that is stored.</summary>
    public async Task<IReadOnlyList<string>> StoredAsync(string prefix = "clips/")
    {
        var store = new DiskObjectStore(new DiskObjectStoreOptions { Root = Path.Combine(DataPath, "objects") }, TimeProvider.System, Entropy.System);
        var keys = new List<string>();
        await foreach (var stored in store.ListAsync(ObjectPrefix.Of(prefix), storedBefore: null, CancellationToken.None)) keys.Add(stored.Key.Value);
        return keys;
    }

    /// <summary>Process id of the private PostgreSQL's first process.</summary>
    public int PostgresProcess() => int.Parse(File.ReadLines(Path.Combine(DataPath, "postgres", "cluster", "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _started) await program.DisposeAsync();
        await EnginesGoneAsync();
        if (TestContext.Current.TestState?.Result is TestResult.Failed && File.Exists(LogPath)) KeepLog();
        Directory.Delete(_root, recursive: true);
    }

    /// <summary>The engines of a killed program end by themselves; until then they write into the folder.</summary>
    private async Task EnginesGoneAsync()
    {
        var pidFile = Path.Combine(DataPath, "postgres", "cluster", "postmaster.pid");
        if (!File.Exists(pidFile) || !int.TryParse(File.ReadLines(pidFile).FirstOrDefault(), out var postgres)) return;
        await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{Text(postgres)}"), $"the PostgreSQL of the killed program (process {Text(postgres)}) ended");
    }

    private void KeepLog()
    {
        var kept = Path.Combine(AppContext.BaseDirectory, "failed-logs");
        Directory.CreateDirectory(kept);
        File.Copy(LogPath, Path.Combine(kept, $"{TestContext.Current.TestMethod?.MethodName ?? "test"}-{Path.GetFileName(_root)}.log"), overwrite: true);
    }

    private RunningProgram Launch(string? crashAt)
    {
        var program = RunningProgram.Launch(Program, ["up", "--data", DataPath, "--port", Text(Port)], Variables(Settings, crashAt), LogPath);
        _started.Add(program);
        return program;
    }

    private static Dictionary<string, string> Variables(Dictionary<string, string> settings, string? crashAt)
    {
        var variables = settings.ToDictionary(setting => "SKYRIFF__" + setting.Key.Replace(":", "__", StringComparison.Ordinal), setting => setting.Value);
        if (crashAt is not null) variables["SKYRIFF_CRASH_AT"] = crashAt;
        return variables;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
