using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Data;

namespace SkyRiff.Testing;

/// <summary>
/// A PostgreSQL cluster of the tests' own: in a temporary folder, on a Unix socket, as an unprivileged user when the tests run as root, without fsync unless asked
/// for. It ends with its disposal, and with the test process however that dies.
/// </summary>
public sealed class PrivatePostgres : IAsyncDisposable
{
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LeftoverAfter = TimeSpan.FromMinutes(10);
    private const string FolderPrefix = "srpg";
    private static readonly string[] AsPostgres = ["--reuid=postgres", "--regid=postgres", "--init-groups"];
    private static int _databases;

    private readonly bool _durable;
    private readonly ConcurrentDictionary<string, Lazy<Task<DataOptions>>> _templates = new();
    private Process? _server;

    private PrivatePostgres(string folder, bool durable) => (Folder, _durable) = (folder, durable);

    /// <summary>Holds the data folder and the socket; its path is short, since socket paths are limited to 107 bytes.</summary>
    public string Folder { get; }

    /// <summary>Process id of the server, for tests that kill or pause it.</summary>
    public int ProcessId => _server?.Id ?? throw new InvalidOperationException("The server is stopped.");

    public bool IsRunning => _server is { HasExited: false };

    private static string Binaries { get; } = FindBinaries();

    /// <summary>A running empty cluster. <paramref name="durable"/> is for tests that kill it and look at what is left.</summary>
    public static async Task<PrivatePostgres> StartAsync(bool durable = false)
    {
        SweepLeftovers();
        var template = await TemplateAsync();
        var postgres = new PrivatePostgres(await NewFolderAsync(), durable);
        await RunAsUserAsync("cp", "-a", template, Path.Combine(postgres.Folder, "data"));
        await postgres.StartServerAsync();
        await postgres.QueryAsync("postgres", "CREATE ROLE skyriff LOGIN CREATEROLE CREATEDB");
        return postgres;
    }

    /// <summary>Connection string of a database; user and password are the caller's matter.</summary>
    public string ConnectionString(string database) => $"Host={Folder};Database={database}";

    /// <summary>Makes that many empty databases of a name of their own, and the options that have them as shards.</summary>
    public Task<DataOptions> CreateShardsAsync(int count) => CopyAsync("template1", count, prefix: null);

    /// <summary>
    /// The same with a service's schema in them: copies of one database, which is migrated when the first test asks for it. They share its roles, so whoever looks
    /// for connections of his own says in which database. The directory is in them, and still to be loaded.
    /// </summary>
    public async Task<DataOptions> CreateShardsAsync(int count, IReadOnlyList<Migration> migrations)
    {
        var schema = string.Join(' ', migrations.Select(migration => migration.Service + migration.Checksum).Prepend(count.ToString()));
        var template = await _templates.GetOrAdd(schema, _ => new Lazy<Task<DataOptions>>(() => MigratedAsync(count, migrations))).Value;
        return await CopyAsync(DatabaseOf(template.Shards[0]), count, template.ServiceUserPrefix);
    }

    /// <summary>One database that is every shard, so that it has the directory that its copies need.</summary>
    private async Task<DataOptions> MigratedAsync(int count, IReadOnlyList<Migration> migrations)
    {
        var options = await CreateShardsAsync(1);
        await using var map = new ShardMap(new DataOptions { ServiceUserPrefix = options.ServiceUserPrefix, Shards = [.. Enumerable.Repeat(options.Shards[0], count)] });
        await new Migrator(map, NullLogger<Migrator>.Instance).RunAsync([migrations], CancellationToken.None);
        return options;
    }

    private async Task<DataOptions> CopyAsync(string template, int count, string? prefix)
    {
        var number = Interlocked.Increment(ref _databases);
        var options = new DataOptions { ServiceUserPrefix = prefix ?? $"t{number}_" };
        for (var i = 0; i < count; i++) options.Shards.Add(new ShardOptions { Primary = ConnectionString($"skyriff_{number}_{i}") });
        // Copied as files: through the log, which is the default, it costs the server three times as much.
        await PsqlAsync("postgres", [.. options.Shards.Select(shard => $"CREATE DATABASE {DatabaseOf(shard)} OWNER skyriff TEMPLATE {template} STRATEGY FILE_COPY")]);
        return options;
    }

    private static string DatabaseOf(ShardOptions shard) => shard.Primary.Split("Database=")[1];

    /// <summary>A read copy of the whole cluster, streaming from it; dispose it before its primary.</summary>
    public async Task<PrivatePostgres> StartReplicaAsync()
    {
        var replica = new PrivatePostgres(await NewFolderAsync(), _durable);
        await RunAsUserAsync(Path.Combine(Binaries, "pg_basebackup"), "-h", Folder, "-U", "postgres", "-D", Path.Combine(replica.Folder, "data"), "-R", "-X", "stream", "-c", "fast");
        await replica.StartServerAsync();
        return replica;
    }

    /// <summary>Runs SQL as the superuser; answers what psql prints, one row per line.</summary>
    public Task<string> QueryAsync(string database, string sql) => PsqlAsync(database, sql);

    /// <summary>Each statement by itself, on one connection.</summary>
    private Task<string> PsqlAsync(string database, params string[] statements) =>
        RunAsync(Path.Combine(Binaries, "psql"), ["-h", Folder, "-U", "postgres", "-d", database, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", .. statements.SelectMany(statement => new[] { "-c", statement })]);

    /// <summary>The schema of a database as <c>pg_dump</c> writes it, without owners and without the monthly partitions, whose names depend on the day.</summary>
    public Task<string> DumpSchemaAsync(string database) =>
        RunAsUserAsync(Path.Combine(Binaries, "pg_dump"), "-h", Folder, "-U", "postgres", "-d", database, "--schema-only", "--no-owner", "--exclude-table=*._*_y20*", "--exclude-table=*.*_y20??m??");

    /// <summary>Sends a signal to the server (and only to it): <c>STOP</c>, <c>CONT</c>, <c>KILL</c>...</summary>
    public Task SignalAsync(string signal) => RunAsUserAsync("kill", "-s", signal, ProcessId.ToString());

    /// <summary>Ends the server as a crash does, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        await SignalAsync("QUIT");
        await _server!.WaitForExitAsync();
        _server.Dispose();
        _server = null;
    }

    /// <summary>Starts the server again after <see cref="KillAsync"/>.</summary>
    public async Task StartServerAsync()
    {
        var arguments = new List<string> { "-D", Path.Combine(Folder, "data"), "-k", Folder, "-h", "", "-c", "max_connections=300", "-c", "shared_buffers=32MB", "-c", "log_min_messages=panic" };
        // Autovacuum would start a process for every database every minute, and a run of tests makes hundreds of them.
        if (!_durable) arguments.AddRange(["-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off"]);
        _server = await StartTiedAsync(Path.Combine(Binaries, "postgres"), arguments);
        var started = Stopwatch.GetTimestamp();
        while (!File.Exists(Path.Combine(Folder, ".s.PGSQL.5432")) || !await IsReadyAsync())
        {
            if (_server.HasExited) throw new InvalidOperationException($"PostgreSQL ended at its start with code {_server.ExitCode}; see {Folder}.");
            if (Stopwatch.GetElapsedTime(started) > ReadyWithin) throw new TimeoutException($"PostgreSQL in {Folder} was not ready within {ReadyWithin}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (IsRunning) await KillAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task<bool> IsReadyAsync()
    {
        using var check = Process.Start(new ProcessStartInfo(Path.Combine(Binaries, "pg_isready"), ["-q", "-h", Folder, "-U", "postgres", "-t", "1"]))!;
        await check.WaitForExitAsync();
        return check.ExitCode == 0;
    }

    /// <summary>One initdb per machine, version and user; every cluster begins as a copy of it.</summary>
    private static async Task<string> TemplateAsync()
    {
        var version = Directory.GetParent(Binaries)!.Name;
        var template = Path.Combine(Path.GetTempPath(), $"skyriff-initdb-{version}-{(Environment.IsPrivilegedProcess ? "postgres" : Environment.UserName)}");
        if (Directory.Exists(template)) return template;
        var folder = await NewFolderAsync();
        var made = Path.Combine(folder, "data");
        await RunAsUserAsync(Path.Combine(Binaries, "initdb"), "-D", made, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
        try
        {
            Directory.Move(made, template);
        }
        catch (IOException) when (Directory.Exists(template))
        {
            // another test run was quicker
        }
        Directory.Delete(folder, recursive: true);
        return template;
    }

    /// <summary>Folders of test processes that were killed: their servers ended with them, their files stay behind.</summary>
    private static void SweepLeftovers()
    {
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            try
            {
                var server = Path.Combine(folder, "data", "postmaster.pid");
                var alive = File.Exists(server) && Directory.Exists("/proc/" + File.ReadLines(server).First());
                if (!alive && File.GetLastWriteTimeUtc(folder) < TimeProvider.System.GetUtcNow().UtcDateTime - LeftoverAfter) Directory.Delete(folder, recursive: true);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                // another user's, or being swept by another test process
            }
        }
    }

    private static async Task<string> NewFolderAsync()
    {
        var folder = Directory.CreateTempSubdirectory(FolderPrefix).FullName;
        if (Environment.IsPrivilegedProcess) await RunAsync("chown", ["postgres:postgres", folder]);
        return folder;
    }

    private static string FindBinaries()
    {
        const string Debian = "/usr/lib/postgresql";
        var candidates = Directory.Exists(Debian)
            ? Directory.GetDirectories(Debian).OrderByDescending(path => int.TryParse(Path.GetFileName(path), out var version) ? version : 0).Select(path => Path.Combine(path, "bin"))
            : [];
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return candidates.Concat(onPath).FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")))
            ?? throw new InvalidOperationException("PostgreSQL is not installed: no initdb under /usr/lib/postgresql or on the PATH.");
    }

    /// <summary>
    /// Starts a process that the kernel ends (SIGQUIT) when this one dies. The kernel ties it to the starting *thread*, so that is one that lives
    /// as long as the child.
    /// </summary>
    private static Task<Process> StartTiedAsync(string program, List<string> arguments)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                var process = Process.Start(new ProcessStartInfo("setpriv", [.. Environment.IsPrivilegedProcess ? AsPostgres : [], "--pdeathsig=QUIT", program, .. arguments]) { WorkingDirectory = "/" })!;
                started.SetResult(process);
                process.WaitForExit();
            }
            catch (Exception failure)
            {
                started.TrySetException(failure);
            }
        })
        { IsBackground = true, Name = "holds PostgreSQL" }.Start();
        return started.Task;
    }

    private static Task<string> RunAsUserAsync(string program, params string[] arguments) =>
        Environment.IsPrivilegedProcess ? RunAsync("setpriv", [.. AsPostgres, program, .. arguments]) : RunAsync(program, arguments);

    private static async Task<string> RunAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? (await output).TrimEnd('\n') : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await errors}");
    }
}
