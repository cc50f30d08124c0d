using System.Text;

namespace SkyRiff.App.Engines;

/// <summary>
/// Where the engines' files and sockets lie. Normally in DATA. Two things can forbid that: an unprivileged account that cannot enter DATA
/// (DATA under /root, or any folder closed to others), and the 107 bytes that a Unix socket's path may have.
/// </summary>
/// <remarks>
/// <code>
/// DATA can be entered            DATA/postgres  DATA/redis                       sockets in DATA/run
/// DATA cannot be entered (root)  OUTSIDE/postgres  OUTSIDE/redis, links in DATA  sockets in OUTSIDE/run
/// path too long, or with comma   as above                                        sockets in OUTSIDE/run (root),
///                                                                                $XDG_RUNTIME_DIR/skyriff-ID or /tmp/skyriff-ID-USER
/// </code>
/// OUTSIDE is /var/lib/skyriff/ID with the data folder's random id, not a hash of its path: a folder that was deleted and made again has
/// another id and so never finds its predecessor's database. OUTSIDE/owner names DATA. Nothing outside is ever deleted by the program:
/// DATA may only be unmounted.
/// </remarks>
internal sealed class EnginePlacement : IDisposable
{
    /// <summary>sun_path holds 108 bytes on Linux and 104 on macOS, the last one is the terminating zero.</summary>
    internal const int SocketPathBytesMax = 103;

    private static readonly int SocketNameBytes = Encoding.UTF8.GetByteCount("/.s.PGSQL.5432.lock");

    private readonly FileStream? _outsideLock;

    private readonly bool _socketsAreBorrowed;

    private EnginePlacement(EngineAccount account, string postgres, string redis, string sockets, bool socketsAreBorrowed, FileStream? outsideLock)
    {
        _socketsAreBorrowed = socketsAreBorrowed;
        Account = account;
        PostgresDirectory = postgres;
        RedisDirectory = redis;
        SocketDirectory = sockets;
        _outsideLock = outsideLock;
    }

    public EngineAccount Account { get; }

    public string PostgresDirectory { get; }

    public string RedisDirectory { get; }

    public string SocketDirectory { get; }

    public static async Task<EnginePlacement> PrepareAsync(DataFolder data, string outsideParent, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var postgres = Path.Combine(data.Path, "postgres");
        var account = await EngineAccount.ChooseAsync(postgres, cancellationToken);
        var outside = Path.Combine(outsideParent, data.Id);
        var linked = new DirectoryInfo(postgres).LinkTarget;
        if (linked is not null) outside = Path.GetDirectoryName(linked)!;

        FileStream? outsideLock = null;
        try
        {
            if (linked is not null || !await account.CanEnterAsync(data.Path, cancellationToken))
            {
                if (linked is null && Directory.Exists(postgres))
                    throw new EngineException(EngineFault.FolderUnusable, $"The database in {postgres} cannot be entered by the account that owns it. Let others pass through the folders above it (chmod o+x), or move the data folder back.");
                outsideLock = await OpenOutsideAsync(outside, data, exists: linked is not null, account, progress, cancellationToken);
                Link(postgres, Path.Combine(outside, "postgres"));
                Link(Path.Combine(data.Path, "redis"), Path.Combine(outside, "redis"));
            }

            var home = outsideLock is null ? data.Path : outside;
            var sockets = Path.Combine(home, "run");
            var borrowed = !FitsASocket(sockets);
            if (borrowed) sockets = await MakeShortAsync(data, account, outside, cancellationToken);
            await account.MakeDirectoryAsync(sockets, cancellationToken);
            return new EnginePlacement(account, Path.Combine(home, "postgres"), Path.Combine(home, "redis"), sockets, borrowed, outsideLock);
        }
        catch
        {
            if (outsideLock is not null) await outsideLock.DisposeAsync();
            throw;
        }
    }

    /// <summary>Also refuses commas: Npgsql would take such a host for two.</summary>
    internal static bool FitsASocket(string directory) =>
        !directory.Contains(',', StringComparison.Ordinal) && Encoding.UTF8.GetByteCount(directory) + SocketNameBytes <= SocketPathBytesMax;

    /// <summary>Once the engines have stopped: sockets that lie in a place that is not ours leave nothing behind.</summary>
    public void Dispose()
    {
        if (_socketsAreBorrowed && Directory.Exists(SocketDirectory)) Directory.Delete(SocketDirectory, recursive: true);
        _outsideLock?.Dispose();
    }

    private static async Task<FileStream> OpenOutsideAsync(string outside, DataFolder data, bool exists, EngineAccount account, IProgress<string> progress, CancellationToken cancellationToken)
    {
        if (exists && !Directory.Exists(Path.Combine(outside, "postgres")))
            throw new EngineException(EngineFault.FolderUnusable, $"The database of the data folder {data.Path} lay in {outside} and is gone. Restore it from a backup, or choose another folder with --data.");
        if (!exists) ReportAbandoned(Path.GetDirectoryName(outside)!, data, progress);

        MakePassable(outside);
        var held = LockOutside(outside, data);
        try
        {
            await ClaimAsync(Path.Combine(outside, "owner"), data, cancellationToken);
            await account.MakeDirectoryAsync(Path.Combine(outside, "postgres"), cancellationToken);
            await account.MakeDirectoryAsync(Path.Combine(outside, "redis"), cancellationToken);
            return held;
        }
        catch
        {
            await held.DisposeAsync();
            throw;
        }
    }

    /// <summary>DATA's own lock does not help when DATA was copied together with its links: both copies lead here.</summary>
    private static FileStream LockOutside(string outside, DataFolder data)
    {
        try
        {
            return new FileStream(Path.Combine(outside, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException held)
        {
            throw new EngineException(EngineFault.FolderUnusable, $"The database of the data folder {data.Path} lies in {outside}, and another process uses it now.", held);
        }
    }

    private static async Task ClaimAsync(string ownerFile, DataFolder data, CancellationToken cancellationToken)
    {
        var owner = File.Exists(ownerFile) ? (await File.ReadAllTextAsync(ownerFile, cancellationToken)).TrimEnd('\n') : data.Path;
        if (owner != data.Path && Directory.Exists(Path.Combine(owner, "postgres")))
            throw new EngineException(EngineFault.FolderUnusable, $"{data.Path} is a copy of {owner}, and both would use one database. Use the original, or make a fresh folder and restore a backup into it.");
        await File.WriteAllTextAsync(ownerFile, data.Path + "\n", cancellationToken);
    }

    private static void ReportAbandoned(string outsideParent, DataFolder data, IProgress<string> progress)
    {
        if (!Directory.Exists(outsideParent)) return;
        foreach (var other in Directory.EnumerateDirectories(outsideParent))
        {
            var ownerFile = Path.Combine(other, "owner");
            if (Path.GetFileName(other) != data.Id && File.Exists(ownerFile) && File.ReadAllText(ownerFile).TrimEnd('\n') == data.Path)
                progress.Report($"note: {other} holds the database of an earlier data folder at this path; delete it when you do not need it");
        }
    }

    /// <summary>Others may pass through it and its parent, not look; said explicitly because the umask takes away from what is asked for at creation.</summary>
    private static void MakePassable(string outside)
    {
        foreach (var folder in (string[])[Path.GetDirectoryName(outside)!, outside])
        {
            if (Directory.Exists(folder)) continue;
            Directory.CreateDirectory(folder);
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }
    }

    private static void Link(string link, string target)
    {
        if (new DirectoryInfo(link).LinkTarget is null) Directory.CreateSymbolicLink(link, target);
    }

    private static async Task<string> MakeShortAsync(DataFolder data, EngineAccount account, string outside, CancellationToken cancellationToken)
    {
        if (account.IsOther)
        {
            MakePassable(outside);
            return Path.Combine(outside, "run");
        }

        if (Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own && Path.Combine(own, "skyriff-" + data.Id) is var inOwn && Directory.Exists(own) && FitsASocket(inOwn))
            return inOwn;

        // /tmp is everyone's: the name cannot be guessed, and a directory that someone else put there is refused.
        var shared = $"/tmp/skyriff-{data.Id}-{Environment.UserName}";
        await account.MakeDirectoryAsync(shared, cancellationToken);
        var owner = await EngineAccount.OwnerOfAsync(shared, cancellationToken);
        var mine = await EngineAccount.OwnerOfAsync(data.Path, cancellationToken);
        if (new DirectoryInfo(shared).LinkTarget is not null || owner[0] != mine[0])
            throw new EngineException(EngineFault.FolderUnusable, $"{shared} belongs to another user. Choose a shorter --data path, or set XDG_RUNTIME_DIR.");
        return shared;
    }
}
