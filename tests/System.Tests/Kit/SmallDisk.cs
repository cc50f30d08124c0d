using System.Globalization;
using SkyRiff.SystemTests.Engines;

namespace SkyRiff.SystemTests.Kit;

/// <summary>A file system of a few megabytes, in memory, that can be filled and emptied; needs root.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    private string Filler => Path.Combine(_path, "filler");

    /// <summary>Null where mounting is not allowed.</summary>
    public static async Task<SmallDisk?> TryMountAsync(string path, int megabytes)
    {
        Directory.CreateDirectory(path);
        var (code, _) = await EngineSite.RunAsync("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m"), "tmpfs", path);
        return code == 0 ? new SmallDisk(path) : null;
    }

    public string Subfolder(string name) => Directory.CreateDirectory(Path.Combine(_path, name)).FullName;

    /// <summary>Leaves so many megabytes free.</summary>
    public void Fill(int megabytesLeft)
    {
        var bytes = new DriveInfo(_path).AvailableFreeSpace - ((long)megabytesLeft << 20);
        using var file = new FileStream(Filler, FileMode.Create, FileAccess.Write);
        var block = new byte[1 << 16];
        try
        {
            for (; bytes > 0; bytes -= block.Length) file.Write(block, 0, (int)Math.Min(bytes, block.Length));
            file.Flush();
        }
        catch (IOException)
        {
            // full to the last page, which is what was wanted
        }
    }

    public void Empty() => File.Delete(Filler);

    public async ValueTask DisposeAsync() => await EngineSite.OutputOfAsync("umount", "--lazy", _path);
}
