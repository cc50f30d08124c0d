using SkyRiff.Kernel;

namespace SkyRiff.Videos.Media;

/// <summary>A folder of one run's own, with names of our own; gone when disposed. What a killed process leaves, <see cref="Sweep"/> finds.</summary>
internal sealed class Scratch : IDisposable
{
    private Scratch(string folder) => Folder = folder;

    public string Folder { get; }

    public static Scratch New(string root, Entropy entropy)
    {
        var folder = Path.Combine(root, "run-" + Convert.ToHexStringLower(RandomBytes(entropy)));
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new Scratch(folder);
    }

    /// <summary>Removes run folders that nobody touched since <paramref name="idleSince"/>; answers how many.</summary>
    public static int Sweep(string root, DateTimeOffset idleSince)
    {
        if (!Directory.Exists(root)) return 0;
        var idle = new DirectoryInfo(root).EnumerateDirectories("run-*").Where(folder => folder.LastWriteTimeUtc < idleSince.UtcDateTime).ToList();
        foreach (var folder in idle) folder.Delete(recursive: true);
        return idle.Count;
    }

    public string File(string name) => Path.Combine(Folder, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (IOException)
        {
            // The sweep takes it later.
        }
    }

    private static byte[] RandomBytes(Entropy entropy)
    {
        var bytes = new byte[12];
        entropy.Fill(bytes);
        return bytes;
    }
}
