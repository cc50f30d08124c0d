using System.Runtime.InteropServices;
using System.Text;

namespace SkyRiff.Objects.Disk;

/// <summary>
/// A rename survives a power cut only after its folder was synced, and .NET opens no folders; hence three calls into libc.
/// On Windows a rename is journalled with its folder and there is nothing to do.
/// </summary>
internal static partial class DiskSync
{
    private const int ReadOnly = 0;
    private const int NoEntry = 2;
    private const int CloseOnExec = 0x80000; // Linux; macOS differs, and ignores the bit

    /// <summary>A folder that is gone needs no sync: what was put into it was deleted in the meantime, and its folder with it.</summary>
    public static void Folder(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(Encoding.UTF8.GetBytes(path + '\0'), ReadOnly | (OperatingSystem.IsLinux() ? CloseOnExec : 0));
        if (descriptor < 0 && Marshal.GetLastPInvokeError() == NoEntry) return;
        if (descriptor < 0) throw new IOException("The folder could not be opened to sync it.", Marshal.GetLastPInvokeError());
        try
        {
            if (Sync(descriptor) != 0) throw new IOException("The folder could not be synced.", Marshal.GetLastPInvokeError());
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte[] path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
