using System.Globalization;

namespace SkyRiff.App.Engines;

/// <summary>
/// The private PostgreSQL cluster. No network, one superuser, trust on a socket that only the account can reach. Settings are arguments,
/// so that an old data folder follows the program's idea of them; those left out here can be set in the cluster's postgresql.conf.
/// </summary>
internal sealed class PostgresEngine : Engine
{
    public const int Port = 5432;
    public const string SuperUser = "skyriff";

    /// <summary>initdb works in a folder of another name, so an interrupted one never looks like a cluster.</summary>
    private const string Cluster = "cluster";
    private const string ClusterInTheMaking = "cluster.new";

    private readonly string _home;
    private readonly string _sockets;
    private readonly LocalEnginesOptions _options;
    private string _programs = "";

    public PostgresEngine(EnginePlacement placement, string logFolder, LocalEnginesOptions options, EngineSurroundings around)
        : base("postgres", Path.Combine(placement.PostgresDirectory, Cluster), placement.Account, Path.Combine(logFolder, "postgres.log"), around)
    {
        _home = placement.PostgresDirectory;
        _sockets = placement.SocketDirectory;
        _options = options;
    }

    protected override string PidFile => Path.Combine(WorkDirectory, "postmaster.pid");

    /// <summary>Fast shutdown (sessions are ended, a checkpoint is written), then immediate (the next start recovers).</summary>
    protected override IReadOnlyList<(UnixSignal Signal, TimeSpan Patience)> StopSteps { get; } =
        [(UnixSignal.Interrupt, TimeSpan.FromSeconds(20)), (UnixSignal.Quit, TimeSpan.FromSeconds(10))];

    protected override async Task InitialiseAsync(CancellationToken cancellationToken)
    {
        var versionFile = Path.Combine(WorkDirectory, "PG_VERSION");
        if (Directory.Exists(WorkDirectory))
        {
            var text = File.Exists(versionFile) ? await File.ReadAllTextAsync(versionFile, cancellationToken) : "";
            _programs = int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var made)
                ? EngineTools.FindPostgres(made)
                : throw new EngineException(EngineFault.FolderUnusable, $"The database in {WorkDirectory} is damaged: it does not tell its version. Restore it from a backup, or choose another folder with --data.");
            return;
        }

        _programs = EngineTools.FindPostgres(major: null);
        Progress.Report("creating the database (once)");
        await Account.MakeDirectoryAsync(_home, cancellationToken);
        var making = Path.Combine(_home, ClusterInTheMaking);
        if (Directory.Exists(making)) Directory.Delete(making, recursive: true);
        using var initdb = await EngineLauncher.StartAsync(
            Account,
            UnixSignal.Kill,
            Path.Combine(_programs, "initdb"),
            "--pgdata", making, "--username", SuperUser, "--encoding", "UTF8", "--locale", "C", "--data-checksums", "--auth-local", "trust", "--auth-host", "reject", "--no-instructions");
        try
        {
            var said = await initdb.StandardOutput.ReadToEndAsync(cancellationToken);
            await initdb.WaitForExitAsync(cancellationToken);
            if (initdb.ExitCode != 0)
                throw new EngineException(said.Contains("No space left on device", StringComparison.Ordinal) ? EngineFault.DiskFull : EngineFault.NotStarted, $"The database could not be created:\n{said}");
        }
        catch (OperationCanceledException)
        {
            initdb.Kill();
            throw;
        }

        Directory.Move(making, WorkDirectory);
    }

    protected override (string Program, IEnumerable<string> Arguments) Command() =>
        (Path.Combine(_programs, "postgres"), ["-D", WorkDirectory, .. Settings().SelectMany(setting => new[] { "-c", $"{setting.Name}={setting.Value}" })]);

    /// <summary>The eighth line of postmaster.pid tells the state, the first one whose it is.</summary>
    protected override async Task<bool> IsReadyAsync(int processId, CancellationToken cancellationToken)
    {
        try
        {
            var lines = await File.ReadAllLinesAsync(PidFile, cancellationToken);
            return lines.Length >= 8 && lines[0] == processId.ToString(CultureInfo.InvariantCulture) && lines[7].TrimEnd() == "ready";
        }
        catch (IOException)
        {
            return false; // not written yet
        }
    }

    /// <summary>The postmaster is gone, one of its children is not yet: a matter of moments after a kill.</summary>
    protected override bool WaitsForTheDying(string lastWords) => lastWords.Contains("pre-existing shared memory block", StringComparison.Ordinal);

    protected override void Read(string logLine)
    {
        if (!logLine.Contains("automatic recovery in progress", StringComparison.Ordinal)) return;
        IsRecovering = true;
        Progress.Report("recovering the database (the last run did not end cleanly)");
    }

    private IEnumerable<(string Name, string Value)> Settings()
    {
        string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

        // Only from this machine, only by this account. The list of directories is separated by commas; quotes protect any other character.
        yield return ("listen_addresses", "");
        yield return ("port", Number(Port));
        yield return ("unix_socket_directories", $"\"{_sockets.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
        yield return ("unix_socket_permissions", "0700");

        // What was acknowledged survives a power cut.
        yield return ("fsync", "on");
        yield return ("synchronous_commit", "on");
        yield return ("full_page_writes", "on");

        // Slots move between shards by logical replication. An abandoned replication slot may not fill the disk.
        yield return ("wal_level", "logical");
        yield return ("max_slot_wal_keep_size", "1GB");
        yield return ("max_wal_size", "512MB");
        yield return ("wal_compression", "on");

        // Bounded memory, connections and temporary files. No parallel workers: requests are short, and /dev/shm is tiny in containers.
        yield return ("max_connections", Number(_options.PostgresConnectionsMax));
        yield return ("shared_buffers", $"{Number(_options.PostgresBufferMegabytes)}MB");
        yield return ("work_mem", "8MB");
        yield return ("maintenance_work_mem", "64MB");
        yield return ("temp_file_limit", "2GB");
        yield return ("max_parallel_workers_per_gather", "0");
        yield return ("jit", "off");
        yield return ("random_page_cost", "1.1");

        // A waiter gives up, a forgotten transaction ends, and the work of a client who left is cut short.
        yield return ("lock_timeout", "10s");
        yield return ("idle_in_transaction_session_timeout", "60s");
        if (OperatingSystem.IsLinux()) yield return ("client_connection_check_interval", "5s");

        // One log, ours, in one language; never the text or the values of a statement, which hold what users wrote.
        yield return ("log_destination", "stderr");
        yield return ("logging_collector", "off");
        yield return ("lc_messages", "C");
        yield return ("log_line_prefix", "%m [%p] %d ");
        yield return ("log_statement", "none");
        yield return ("log_min_error_statement", "panic");
        yield return ("log_error_verbosity", "terse");
        yield return ("log_parameter_max_length", "0");
        yield return ("log_checkpoints", "off");
        yield return ("timezone", "UTC");
        yield return ("log_timezone", "UTC");
        yield return ("cluster_name", "skyriff");
    }
}
