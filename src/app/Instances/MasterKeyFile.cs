using System.Security.Cryptography;
using SkyRiff.Kernel.Secrets;

namespace SkyRiff.App.Instances;

/// <summary>The master key in <c>DATA/keys/master.key</c>: 32 bytes in hexadecimal, readable by its owner alone. Whoever loses it loses every sealed secret with it.</summary>
internal static class MasterKeyFile
{
    public static string PathIn(string folder) => Path.Combine(folder, "keys", "master.key");

    public static MasterKey ReadOrMake(DataFolder folder)
    {
        var path = Path.Combine(folder.Subfolder("keys"), "master.key");
        if (!File.Exists(path)) Write(path, RandomNumberGenerator.GetBytes(MasterKey.LengthBytes));
        return Read(folder.Path);
    }

    public static MasterKey Read(string folder)
    {
        var path = PathIn(folder);
        try
        {
            return new MasterKey(Convert.FromHexString(File.ReadAllText(path).Trim()));
        }
        catch (Exception broken) when (broken is FormatException or ArgumentException)
        {
            throw new DataFolderException(DataFolderFault.Damaged, $"The master key {path} cannot be read: it has {MasterKey.LengthBytes * 2} hexadecimal digits. Restore it from a backup; without it the signing keys cannot be opened.", broken);
        }
    }

    /// <summary>Whole or not at all, and on the disk before anything is sealed under it.</summary>
    private static void Write(string path, byte[] key)
    {
        using (var file = new FileStream(path + ".new", new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(key) + "\n"));
            file.Flush(flushToDisk: true);
        }
        File.Move(path + ".new", path, overwrite: true);
    }
}
