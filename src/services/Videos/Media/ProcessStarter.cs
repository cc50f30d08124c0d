using System.Collections.Concurrent;
using System.Diagnostics;

namespace SkyRiff.Videos.Media;

/// <summary>
/// Starts child processes from one thread that lives as long as we do. A child that asked to die with its parent (prctl PR_SET_PDEATHSIG)
/// dies with the parent's <em>thread</em>, and threads of the pool come and go.
/// </summary>
internal static class ProcessStarter
{
    private const int WaitingMax = 64; // callers beyond it block; every run is already bounded by the worker's slots

    private static readonly BlockingCollection<(ProcessStartInfo Info, TaskCompletionSource<Process> Started)> Waiting = new(WaitingMax);
    private static readonly Lazy<Thread> Starter = new(StartThread);

    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be started.</exception>
    public static Task<Process> StartAsync(ProcessStartInfo info, CancellationToken token)
    {
        _ = Starter.Value;
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Waiting.Add((info, started), token);
        return started.Task;
    }

    private static Thread StartThread()
    {
        var thread = new Thread(Run) { IsBackground = true, Name = "process starter" };
        thread.Start();
        return thread;
    }

    private static void Run()
    {
        foreach (var (info, started) in Waiting.GetConsumingEnumerable())
        {
            try
            {
                started.SetResult(Process.Start(info)!);
            }
            catch (Exception failure)
            {
                started.SetException(failure);
            }
        }
    }
}
