using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.App.Engines;

internal enum EngineState
{
    Stopped,
    Starting,
    Ready,

    /// <summary>It ended by itself (killed, crashed) and is being started again, with growing pauses.</summary>
    Restarting,
}

/// <summary>
/// One engine process and its supervision.
/// <code>
/// Stopped --start--> Starting --ready--> Ready --it ends--> Restarting --ready--> Ready
///    ^                  |ended: fault      |                     |
///    +---------------- stop (asks, then insists, then kills) ----+
/// </code>
/// The first start fails towards the caller; later ones are repeated by the loop until stopped.
/// </summary>
internal abstract class Engine(string name, string directory, EngineAccount account, string logPath, EngineSurroundings around)
    : SupervisedLoop(name, around.Time, around.Entropy, around.Logger)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReadyDurationMax = TimeSpan.FromSeconds(30);

    /// <summary>Replaying the log after a kill takes as long as it takes; this only ends a wait that no one believes in.</summary>
    private static readonly TimeSpan RecoveryDurationMax = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan InsistDurationMax = TimeSpan.FromSeconds(5);

    private Process? _process;
    private Task _logged = Task.CompletedTask;

    public event Action<Engine, EngineState>? Changed;

    public EngineState State { get; private set; }

    /// <summary>While it runs; changes with every restart.</summary>
    public int? ProcessId => _process?.Id;

    /// <summary>What the process makes its working directory; also where its pid file lies.</summary>
    protected string WorkDirectory { get; } = directory;

    protected EngineAccount Account { get; } = account;

    protected IProgress<string> Progress { get; } = around.Progress;

    protected EngineLog Log { get; } = new(logPath);

    protected abstract string PidFile { get; }

    /// <summary>Set by what the engine says while it starts: it repairs what a kill left, so waiting long is right.</summary>
    protected bool IsRecovering { get; set; }

    /// <summary>Signals to stop with: each is tried for its time, and after the last comes SIGKILL.</summary>
    protected abstract IReadOnlyList<(UnixSignal Signal, TimeSpan Patience)> StopSteps { get; }

    /// <summary>What must exist before the process starts for the first time.</summary>
    protected abstract Task InitialiseAsync(CancellationToken cancellationToken);

    protected abstract (string Program, IEnumerable<string> Arguments) Command();

    protected abstract Task<bool> IsReadyAsync(int processId, CancellationToken cancellationToken);

    protected abstract void Read(string logLine);

    /// <summary>
    /// True when the failed start had a cause that could be moved out of the way (so, at most once per cause); then it is tried again. Only
    /// for what can be lost.
    /// </summary>
    protected virtual bool TrySetAsideDamage() => false;

    /// <summary>Whether its last words say that a server which is just dying stands in its way: then it is tried again, for <see cref="DyingMax"/>.</summary>
    protected virtual bool WaitsForTheDying(string lastWords) => false;

    private static readonly TimeSpan DyingMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DyingRetryDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>Returns when the engine answers; from then on it is kept running until <see cref="SupervisedLoop.StopAsync"/>.</summary>
    public async Task StartFirstAsync(CancellationToken cancellationToken)
    {
        Enter(EngineState.Starting);
        await InitialiseAsync(cancellationToken);
        try
        {
            await LaunchAsync(cancellationToken);
        }
        catch
        {
            await EndAsync();
            Enter(EngineState.Stopped);
            throw;
        }

        await StartAsync(cancellationToken);
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            if (_process is null) await LaunchAsync(stopping);
            await _process!.WaitForExitAsync(stopping);
            Enter(EngineState.Restarting);
            throw new EngineException(EngineFault.Died, string.Create(CultureInfo.InvariantCulture, $"{Name} ended by itself (exit code {_process.ExitCode}). Its last words:\n{Log.Tail}"));
        }
        finally
        {
            await EndAsync();
            if (stopping.IsCancellationRequested) Enter(EngineState.Stopped);
        }
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        var began = Time.GetTimestamp();
        while (true)
        {
            try
            {
                await LaunchOnceAsync(cancellationToken);
                return;
            }
            catch (EngineException fault) when (fault.Kind == EngineFault.NotStarted && WaitsForTheDying(Log.Tail) && Time.GetElapsedTime(began) < DyingMax)
            {
                await EndAsync();
                await Task.Delay(DyingRetryDelay, Time, cancellationToken);
            }
        }
    }

    private async Task LaunchOnceAsync(CancellationToken cancellationToken)
    {
        await EndOrphanAsync(cancellationToken);
        IsRecovering = false;
        var (program, arguments) = Command();
        _process = await EngineLauncher.StartAsync(Account, StopSteps[0].Signal, program, arguments);
        _logged = Log.FollowAsync(Name, _process, Read);
        try
        {
            await WaitUntilReadyAsync(_process, cancellationToken);
        }
        catch (EngineException fault) when (fault.Kind == EngineFault.NotStarted && TrySetAsideDamage())
        {
            await EndAsync();
            await LaunchOnceAsync(cancellationToken);
            return;
        }

        Enter(EngineState.Ready);
    }

    private async Task WaitUntilReadyAsync(Process process, CancellationToken cancellationToken)
    {
        var began = Time.GetTimestamp();
        var reported = TimeSpan.Zero;
        while (!await IsReadyAsync(process.Id, cancellationToken))
        {
            if (process.HasExited)
            {
                await _logged;
                throw NotStarted(string.Create(CultureInfo.InvariantCulture, $"{Name} did not start (exit code {process.ExitCode})"));
            }

            var waited = Time.GetElapsedTime(began);
            if (waited > (IsRecovering ? RecoveryDurationMax : ReadyDurationMax))
                throw NotStarted(string.Create(CultureInfo.InvariantCulture, $"{Name} was not ready after {waited.TotalSeconds:0} s"));
            if (IsRecovering && waited - reported >= ReportInterval)
            {
                reported = waited;
                Progress.Report(string.Create(CultureInfo.InvariantCulture, $"{Name} is still recovering after {waited.TotalSeconds:0} s"));
            }

            await Task.Delay(PollInterval, Time, cancellationToken);
        }
    }

    private EngineException NotStarted(string what) => new(
        Log.Tail.Contains("No space left on device", StringComparison.OrdinalIgnoreCase) ? EngineFault.DiskFull : EngineFault.NotStarted,
        $"{what}. The end of {Log.Path}:\n{Log.Tail}");

    /// <summary>
    /// An engine that an earlier run left behind would share our files. Only a process that works in exactly our directory is taken for it;
    /// holding the data folder's lock, we know that no one needs it.
    /// </summary>
    private async Task EndOrphanAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(PidFile)) return;
        var first = (await File.ReadAllTextAsync(PidFile, cancellationToken)).Split('\n')[0].Trim();
        if (!int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || !UnixProcess.IsAlive(pid)) return;
        if (UnixProcess.WorksIn(pid, WorkDirectory))
        {
            Progress.Report($"stopping the {Name} that an earlier run left behind");
            await StopAsync(pid, cancellationToken);
        }
        else
        {
            // The number was given to another program since (a reboot, say). PostgreSQL would take that one for itself and refuse to start.
            File.Delete(PidFile);
        }
    }

    /// <summary>Ends our own process, if it still runs, and collects it.</summary>
    private async Task EndAsync()
    {
        if (_process is not { } process) return;
        if (!process.HasExited) await StopAsync(process.Id, CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        _process = null;
        process.Dispose();
    }

    private async Task StopAsync(int pid, CancellationToken cancellationToken)
    {
        foreach (var (signal, patience) in StopSteps.Append((UnixSignal.Kill, InsistDurationMax)))
        {
            if (!UnixProcess.Signal(pid, signal)) return;
            var asked = Time.GetTimestamp();
            while (Time.GetElapsedTime(asked) < patience)
            {
                if (!UnixProcess.IsAlive(pid)) return;
                await Task.Delay(PollInterval, Time, cancellationToken);
            }

            Logger.LogWarning("{Engine} did not stop within {Patience} s of {Signal}", Name, (int)patience.TotalSeconds, signal);
        }

        throw new EngineException(EngineFault.NotStarted, string.Create(CultureInfo.InvariantCulture, $"{Name} (process {pid}) does not end, not even when killed."));
    }

    private void Enter(EngineState state)
    {
        State = state;
        Changed?.Invoke(this, state);
    }
}

/// <summary>What every engine is given from outside.</summary>
internal sealed record EngineSurroundings(TimeProvider Time, Entropy Entropy, ILogger Logger, IProgress<string> Progress);
