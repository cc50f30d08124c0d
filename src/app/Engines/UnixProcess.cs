using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;

namespace SkyRiff.App.Engines;

internal enum UnixSignal
{
    Interrupt = 2,
    Quit = 3,
    Kill = 9,
    Terminate = 15,
}

/// <summary>What the engines need from the operating system and .NET does not offer.</summary>
internal static class UnixProcess
{
    private const int NoSuchProcess = 3;
    private const int ContinueOnLinux = 18;
    private const int ContinueOnMac = 19;

    /// <summary>False when the process has ended already. A stopped process is woken so that it can act on the signal.</summary>
    public static bool Signal(int pid, UnixSignal signal)
    {
        if (!Send(pid, (int)signal)) return false;
        return signal == UnixSignal.Kill || Send(pid, OperatingSystem.IsMacOS() ? ContinueOnMac : ContinueOnLinux);
    }

    public static bool IsAlive(int pid) => !IsZombie(pid) && (kill(pid, 0) == 0 || Marshal.GetLastPInvokeError() != NoSuchProcess);

    /// <summary>Both engines make their data directory their working directory, which no recycled process number would have by chance.</summary>
    public static bool WorksIn(int pid, string directory)
    {
        if (!OperatingSystem.IsLinux()) return IsAlive(pid);
        try
        {
            return string.Equals(File.ResolveLinkTarget($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cwd", returnFinalTarget: false)?.FullName, directory, StringComparison.Ordinal);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>A dead child that its parent has not collected still has a number; it must not look alive.</summary>
    private static bool IsZombie(int pid)
    {
        var name = $"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat";
        try
        {
            // pid (name) state ...; the name may hold anything, also parentheses
            return File.Exists(name) && File.ReadAllText(name) is var text && text.AsSpan(text.LastIndexOf(')') + 1).TrimStart() is ['Z' or 'X', ..];
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static bool Send(int pid, int signal)
    {
        if (kill(pid, signal) == 0) return true;
        var error = Marshal.GetLastPInvokeError();
        return error == NoSuchProcess ? false : throw new Win32Exception(error);
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int pid, int signal);
}
