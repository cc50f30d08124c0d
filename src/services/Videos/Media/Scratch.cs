using SkyRiff.Kernel;

namespace SkyRiff.Videos.Media;

/// <summary>
/// A folder of one run's own, with names of our own; gone when disposed. A lock on a file in it lives as long as the process does, however that
/// ends: what a killed process leaves is known by the lock that nobody holds, and <see cref="Sweep"/> takes it.
/// </summary>
internal sealed class Scratch : IDisposable
{
    private const string LockName = ".in-use";

    private readonly FileStream _lock;

    private Scratch(string folder, FileStream held) => (Folder, _lock) = (folder, held);

    public string Folder { get; }

    public static Scratch New(string root, Entropy entropy)
    {
        var folder = Path.Combine(root, "run-" + Convert.ToHexStringLower(RandomBytes(entropy)));
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new Scratch(folder, OpenLock(folder));
    }

    /// <summary>Removes run folders that no process uses and that nobody touched since <paramref name="idleSince"/>; answers how many.</summary>
    public static int Sweep(string root, DateTimeOffset idleSince)
    {
        if (!Directory.Exists(root)) return 0;
        var idle = new DirectoryInfo(root).EnumerateDirectories("run-*").Where(folder => folder.LastWriteTimeUtc < idleSince.UtcDateTime && !IsInUse(folder.FullName)).ToList();
        foreach (var folder in idle) Remove(folder.FullName);
        return idle.Count;
    }

    public string File(string name) => Path.Combine(Folder, name);

    public void Dispose()
    {
        Remove(Folder);
        _lock.Dispose();
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A program that is just being killed still wrote into it, or another sweep was first: the next one takes the rest.
        }
    }

    private static FileStream OpenLock(string folder) => new(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    private static bool IsInUse(string folder)
    {
        try
        {
            OpenLock(folder).Dispose();
            return false;
        }
        catch (IOException)
        {
            return Directory.Exists(folder);
        }
    }

    private static byte[] RandomBytes(Entropy entropy)
    {
        var bytes = new byte[12];
        entropy.Fill(bytes);
        return bytes;
    }
}
