using System.Diagnostics;

namespace SkyRiff.Kernel;

/// <summary>
/// Named moments at which a crash would be interesting. In production reaching one costs a comparison with null. Under test,
/// the environment variable <c>SKYRIFF_CRASH_AT</c> names the one at which the process kills itself (SIGKILL, nothing is flushed or undone).
/// </summary>
public static class Checkpoint
{
    private static readonly string? CrashAt = Environment.GetEnvironmentVariable("SKYRIFF_CRASH_AT");

    public static void Reached(string name)
    {
        if (CrashAt is null || CrashAt != name) return;
        using var self = Process.GetCurrentProcess();
        self.Kill();
        Thread.Sleep(Timeout.Infinite);
    }
}
