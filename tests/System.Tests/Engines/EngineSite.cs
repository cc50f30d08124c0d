using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.App;
using SkyRiff.App.Engines;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.SystemTests.Engines;

/// <summary>A place on disk for one test's data folder; gone afterwards, with all that the engines put elsewhere.</summary>
internal sealed class EngineSite : IDisposable
{
    private readonly string _root;

    /// <param name="parent">Where the place is made; everyone may pass through /tmp, only root through /root.</param>
    /// <param name="name">The data folder's name.</param>
    public EngineSite(string parent = "/tmp", string name = "data")
    {
        _root = Path.Combine(parent, $"skyriff-test-{Entropy.System.NextSecret(6)}");
        Directory.CreateDirectory(_root);
        File.SetUnixFileMode(_root, (UnixFileMode)0b111_101_101);
        DataPath = Path.Combine(_root, name);
        Outside = Path.Combine("/tmp", Path.GetFileName(_root) + "-outside");
    }

    public string Root => _root;

    public string DataPath { get; }

    public string Outside { get; }

    public Collected Said { get; } = new();

    public DataFolder Open() => DataFolder.Open(DataPath, Entropy.System);

    public Task<LocalEngines> StartAsync(DataFolder folder) => LocalEngines.StartAsync(
        folder, new LocalEnginesOptions { OutsideFolder = Outside }, TimeProvider.System, Entropy.System, NullLogger.Instance, Said, TestContext.Current.CancellationToken);

    public static Task<string> SqlAsync(EngineAddresses at, string sql) =>
        OutputOfAsync("psql", "-X", "-h", at.PostgresSocketDirectory, "-p", $"{at.PostgresPort}", "-U", at.PostgresUser, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-Atc", sql);

    public static Task<string> RedisAsync(EngineAddresses at, params string[] command) => OutputOfAsync("redis-cli", ["-s", at.RedisSocketPath, .. command]);

    /// <summary>The trimmed output of a program that must succeed.</summary>
    public static async Task<string> OutputOfAsync(string program, params string[] arguments)
    {
        var (code, output) = await RunAsync(program, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"{program} ended with {code}: {output}");
    }

    public static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = "/" };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, (output + await errors).Trim());
    }

    public void Dispose()
    {
        if (Directory.Exists(_root)) Directory.Delete(_root, recursive: true);
        if (Directory.Exists(Outside)) Directory.Delete(Outside, recursive: true);
    }

    internal sealed class Collected : IProgress<string>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public string All => string.Join('\n', _lines);

        public void Report(string value) => _lines.Enqueue(value);
    }
}
