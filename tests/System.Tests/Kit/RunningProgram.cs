using System.Diagnostics;
using System.Globalization;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Kit;

/// <summary>The real program as a child process, with its log in a file.</summary>
internal sealed class RunningProgram : IAsyncDisposable
{
    private const int PortTaken = 4;
    private const int LogTailLines = 30;

    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly string _log;
    private readonly int _port;

    private RunningProgram(Process process, string log, int port) => (_process, _log, _port) = (process, log, port);

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}"));

    /// <summary>The end of what it said, for messages.</summary>
    public string LogTail => File.Exists(_log) ? string.Join('\n', File.ReadLines(_log).TakeLast(LogTailLines)) : "(it said nothing)";

    /// <param name="arguments">End with the port.</param>
    public static RunningProgram Launch(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, string log)
    {
        // The shell only gives it the log and then becomes it; a pipe to us would stay open in whatever it leaves behind.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\" >>\"$LOG\" 2>&1 </dev/null", program, .. arguments]) { UseShellExecute = false, WorkingDirectory = "/" };
        start.Environment["LOG"] = log;
        foreach (var (key, value) in environment) start.Environment[key] = value;
        return new RunningProgram(Process.Start(start)!, log, int.Parse(arguments[^1], CultureInfo.InvariantCulture));
    }

    /// <summary>False when its port was taken. With <paramref name="mayDie"/>, a program that was killed before it was ready counts as started.</summary>
    public async Task<bool> WaitUntilReadyAsync(bool mayDie)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var began = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(30));
        while (true)
        {
            if (_process.HasExited)
            {
                if (_process.ExitCode == PortTaken) return false;
                if (mayDie && WasKilled) return true;
                throw new InvalidOperationException($"The program ended with code {ExitCode} before it was ready. Its log ends with:\n{LogTail}");
            }
            if (await IsReadyAsync(http)) return true;
            if (Stopwatch.GetElapsedTime(began) > ReadyWithin) throw new TimeoutException($"The program was not ready within {ReadyWithin}. Its log ends with:\n{LogTail}");
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Ended by SIGKILL.</summary>
    public bool WasKilled => HasExited && ExitCode == 128 + 9;

    /// <summary>Waits until a checkpoint has killed it.</summary>
    public async Task WaitUntilKilledAsync(string what, TimeSpan? within = null)
    {
        await Eventually.TrueAsync(() => HasExited, $"{what} killed the program. Its log ends with:\n{LogTail}", within ?? TimeSpan.FromSeconds(60));
        if (!WasKilled) throw new InvalidOperationException($"The program ended with {ExitCode} instead of being killed. Its log ends with:\n{LogTail}");
    }

    /// <summary>SIGTERM; answers the exit code.</summary>
    public async Task<int> StopAsync()
    {
        await SignalAsync("TERM");
        await Eventually.TrueAsync(() => HasExited, $"the program stopped after SIGTERM. Its log ends with:\n{LogTail}", TimeSpan.FromSeconds(40));
        return ExitCode;
    }

    /// <summary>SIGKILL, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary><c>STOP</c>, <c>CONT</c>, <c>TERM</c>.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-s", signal, ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    private async Task<bool> IsReadyAsync(HttpClient http)
    {
        try
        {
            using var reply = await http.GetAsync(new Uri(Address, "/health/ready"), CancellationToken.None);
            return reply.IsSuccessStatusCode;
        }
        catch (Exception notYet) when (notYet is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }
}
