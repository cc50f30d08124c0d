using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace SkyRiff.App.Engines;

/// <summary>
/// Starts engine processes that end with this one, also when it is killed. Linux delivers a parent-death signal when the *thread* that
/// made the child ends, so all children are made by one thread that lives as long as the process; a thread of the pool would take its
/// engines down when the pool shrinks.
/// </summary>
/// <remarks>
/// <code>
/// setsid                       Ctrl+C in the terminal must reach the program only, which then stops the engines in order
///  setpriv --pdeathsig         set after the change of user, which would clear it
///   sh: is our parent still SkyRiff?   a parent that died before the line above sends nothing any more
///    postgres | redis-server
/// </code>
/// On systems without setpriv (macOS) the engines survive a kill -9; the next start finds and stops them.
/// </remarks>
internal static class EngineLauncher
{
    private const int RequestsMax = 16;
    private const string ParentIsGone = "113";

    private static readonly Lazy<BlockingCollection<Request>> Requests = new(StartThread);

    /// <summary>The child's output and errors arrive in its standard output; it gets no input and none of our environment.</summary>
    public static Task<Process> StartAsync(EngineAccount account, UnixSignal whenParentDies, string program, params IEnumerable<string> arguments)
    {
        List<string> command = [];
        if (EngineTools.FindOnPath("setsid") is { } setsid) command.Add(setsid);
        if (EngineTools.FindOnPath("setpriv") is { } setpriv && OperatingSystem.IsLinux())
            command.AddRange([setpriv, .. account.SetprivArguments, "--pdeathsig", SignalName(whenParentDies)]);
        command.AddRange(["/bin/sh", "-c", $"[ \"$PPID\" = \"$1\" ] || exit {ParentIsGone}; shift; exec \"$@\" </dev/null 2>&1", "sh", Environment.ProcessId.ToString(CultureInfo.InvariantCulture), program]);
        command.AddRange(arguments);

        var start = new ProcessStartInfo(command[0], command.Skip(1)) { UseShellExecute = false, RedirectStandardOutput = true, WorkingDirectory = "/" };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/local/bin:/usr/bin:/bin";
        start.Environment["LC_ALL"] = "C";
        var request = new Request(start, new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously));
        Requests.Value.Add(request);
        return request.Started.Task;
    }

    private static string SignalName(UnixSignal signal) => signal switch
    {
        UnixSignal.Interrupt => "INT",
        UnixSignal.Quit => "QUIT",
        UnixSignal.Terminate => "TERM",
        _ => "KILL",
    };

    private static BlockingCollection<Request> StartThread()
    {
        var requests = new BlockingCollection<Request>(RequestsMax);
        var thread = new Thread(() =>
        {
            foreach (var request in requests.GetConsumingEnumerable())
            {
                try
                {
                    request.Started.SetResult(Process.Start(request.Start)!);
                }
                catch (Exception failure)
                {
                    request.Started.SetException(failure);
                }
            }
        })
        {
            IsBackground = true,
            Name = "engine launcher",
        };
        thread.Start();
        return requests;
    }

    private sealed record Request(ProcessStartInfo Start, TaskCompletionSource<Process> Started);
}
