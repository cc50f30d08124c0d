using System.Globalization;
using SkyRiff.Kernel;

namespace SkyRiff.App;

/// <summary>
/// The folder that holds everything an instance keeps. Opening it takes an exclusive lock that the operating system drops with the
/// process, however it ends; so one process at a time owns the folder and the engines in it.
/// </summary>
/// <remarks>
/// <code>
/// DATA/version      format number and folder id
/// DATA/lock         locked while owned
/// DATA/pid          the owner's process; beside the lock, because .NET lets no one read a file that is locked
/// DATA/engines.json where the owner's engines listen (only while owned)
/// DATA/postgres/ redis/ run/ logs/   the local engines; other parts ask for their own with <see cref="Subfolder"/>
/// </code>
/// The folder belongs to its user alone (0700). Run by root it can be passed through by others (0711) because the engines run under an
/// unprivileged account; every folder inside is 0700.
/// </remarks>
internal sealed class DataFolder : IDisposable
{
    /// <summary>PostgreSQL's write-ahead log may grow to half of it, and a full disk stops it at once: refuse early and clearly.</summary>
    public const long FreeBytesMin = 1L << 30;

    private const string LockName = "lock";
    private const string PidName = "pid";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode PassThrough = UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly FileStream _lock;

    private DataFolder(string path, string id, FileStream held)
    {
        Path = path;
        Id = id;
        _lock = held;
    }

    /// <summary>Absolute, without links.</summary>
    public string Path { get; }

    /// <summary>16 hexadecimal digits, chosen when the folder was made.</summary>
    public string Id { get; }

    /// <summary>
    /// Beside the sources when started by <c>./skyriff</c> (which sets SKYRIFF_HOME), else where the user's programs keep their data.
    /// </summary>
    public static string DefaultPath()
    {
        if (Environment.GetEnvironmentVariable("SKYRIFF_HOME") is { Length: > 0 } home) return System.IO.Path.Combine(home, "data");
        return System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "skyriff");
    }

    /// <summary>Makes the folder when it is missing, checks it, and owns it until disposed.</summary>
    /// <exception cref="DataFolderException">With the reason and a message for the user.</exception>
    public static DataFolder Open(string path, Entropy entropy, long freeBytesMin = FreeBytesMin)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            if (!Directory.Exists(path))
            {
                // Twice: parents need a mode too, and the umask takes away from what is asked for at creation.
                Directory.CreateDirectory(path, OwnerOnly);
                File.SetUnixFileMode(path, OwnerOnly | (Environment.IsPrivilegedProcess ? PassThrough : 0));
            }

            path = WithoutLinks(path);
            DemandFreeSpace(path, freeBytesMin);
            var held = Lock(path);
            try
            {
                return new DataFolder(path, ReadOrWriteStamp(path, entropy).Id, held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
        catch (UnauthorizedAccessException refused)
        {
            throw NotWritable(path, refused);
        }
        catch (IOException failed)
        {
            throw (Errno)failed.HResult is Errno.NoSpace or Errno.Quota ? Full(path, 0, freeBytesMin, failed) : NotWritable(path, failed);
        }
    }

    /// <summary>The process that owns the folder at <paramref name="path"/> now (0 when it is only just taking it), or null when none does.</summary>
    public static int? TryFindOwner(string path)
    {
        var name = System.IO.Path.Combine(path, LockName);
        if (!File.Exists(name)) return null;
        try
        {
            // A shared lock is refused exactly while the owner holds its exclusive one.
            using var free = new FileStream(name, FileMode.Open, FileAccess.Read, FileShare.Read);
            return null;
        }
        catch (IOException held) when (IsHeldByAnother(held))
        {
            return ReadOwner(path);
        }
    }

    /// <summary>A folder of our own inside, made (0700) when it is missing.</summary>
    public string Subfolder(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name), OwnerOnly).FullName;

    /// <summary>Gives the folder up. The file stays: removing it would let two later owners lock two different files.</summary>
    public void Dispose() => _lock.Dispose();

    private static FileStream Lock(string path)
    {
        var name = System.IO.Path.Combine(path, LockName);
        try
        {
            var held = new FileStream(name, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            File.WriteAllText(System.IO.Path.Combine(path, PidName), string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));
            return held;
        }
        catch (IOException failed) when (IsHeldByAnother(failed))
        {
            var owner = ReadOwner(path) is > 0 and var pid ? string.Create(CultureInfo.InvariantCulture, $"process {pid}") : "another process";
            throw new DataFolderException(DataFolderFault.InUse, $"The data folder {path} is in use by {owner}. Stop that one first, or choose another folder with --data.", failed);
        }
    }

    /// <summary>0 when the owner has not written it yet.</summary>
    private static int ReadOwner(string path)
    {
        var name = System.IO.Path.Combine(path, PidName);
        return File.Exists(name) && int.TryParse(File.ReadAllText(name).TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0;
    }

    private static FormatStamp ReadOrWriteStamp(string path, Entropy entropy)
    {
        var name = System.IO.Path.Combine(path, FormatStamp.FileName);
        if (!File.Exists(name))
        {
            if (Directory.EnumerateFileSystemEntries(path).Select(System.IO.Path.GetFileName).Any(entry => entry is not (LockName or PidName or FormatStamp.FileName + ".new")))
                throw new DataFolderException(DataFolderFault.Damaged, $"{path} is not empty and is not a SkyRiff data folder (it has no file \"{FormatStamp.FileName}\"). Choose an empty or new folder with --data.");
            return WriteStamp(name, entropy);
        }

        var stamp = FormatStamp.TryParse(File.ReadAllText(name))
            ?? throw new DataFolderException(DataFolderFault.Damaged, $"The data folder {path} is damaged: its file \"{FormatStamp.FileName}\" cannot be understood. Restore the folder from a backup, or choose another with --data.");
        if (stamp.Format > FormatStamp.FormatKnown)
            throw new DataFolderException(DataFolderFault.Newer, string.Create(CultureInfo.InvariantCulture, $"The data folder {path} was made by a newer SkyRiff (format {stamp.Format}; this one knows {FormatStamp.FormatKnown}). Update SkyRiff, or choose another folder with --data."));
        return stamp;
    }

    /// <summary>Written aside and moved, so that a crash leaves either no stamp or a whole one.</summary>
    private static FormatStamp WriteStamp(string name, Entropy entropy)
    {
        Span<byte> id = stackalloc byte[FormatStamp.IdBytes];
        entropy.Fill(id);
        var stamp = new FormatStamp(FormatStamp.FormatKnown, Convert.ToHexStringLower(id));
        using (var file = new FileStream(name + ".new", FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(stamp.ToString()));
            file.Flush(flushToDisk: true);
        }

        File.Move(name + ".new", name, overwrite: true);
        return stamp;
    }

    private static void DemandFreeSpace(string path, long freeBytesMin)
    {
        var free = new DriveInfo(path).AvailableFreeSpace;
        if (free < freeBytesMin) throw Full(path, free, freeBytesMin, inner: null);
    }

    private static DataFolderException Full(string path, long free, long min, Exception? inner) => new(
        DataFolderFault.DiskFull,
        string.Create(CultureInfo.InvariantCulture, $"The disk under {path} is too full: {free >> 20} MB free, SkyRiff wants at least {min >> 20} MB. Free some space, or choose another folder with --data."),
        inner);

    private static DataFolderException NotWritable(string path, Exception inner) =>
        new(DataFolderFault.NotWritable, $"The data folder {path} cannot be written by the user {Environment.UserName}: {inner.Message} Choose another folder with --data.", inner);

    /// <summary>Two spellings of one folder must not look like two folders to the engines (their process is found by its directory).</summary>
    private static string WithoutLinks(string path)
    {
        var resolved = "/";
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            resolved = System.IO.Path.Combine(resolved, part);
            resolved = Directory.ResolveLinkTarget(resolved, returnFinalTarget: true) is { } target ? WithoutLinks(target.FullName) : resolved;
        }

        return resolved;
    }

    private static bool IsHeldByAnother(IOException failure) => (Errno)failure.HResult is Errno.WouldBlock or Errno.WouldBlockOnMac;

    /// <summary>On Unix an <see cref="IOException"/> carries the system's error number in HResult.</summary>
    private enum Errno
    {
        WouldBlock = 11,
        WouldBlockOnMac = 35,
        NoSpace = 28,
        Quota = 122,
    }
}
