using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace SkyRiff.Testing.Redis;

/// <summary>A private redis-server in a temporary folder, on a free TCP port of 127.0.0.1 and on a Unix socket; stopped by its process id.</summary>
public sealed class RedisServerProcess : IAsyncDisposable
{
    private const string PidFile = "redis.pid";
    private const string FolderPrefix = "skyriff-redis-of-";

    private static readonly Lazy<int> Swept = new(SweepLeftovers);

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _folder;
    private readonly string[] _arguments;
    private Process _process;

    private RedisServerProcess(DirectoryInfo folder, int port, string[] arguments, Process process) =>
        (_folder, Port, _arguments, _process) = (folder, port, arguments, process);

    public int Port { get; }

    public int ProcessId => _process.Id;

    public string SocketPath => Path.Combine(_folder.FullName, "redis.sock");

    /// <summary>Starts a server without persistence; <paramref name="arguments"/> are more settings in command-line form.</summary>
    public static async Task<RedisServerProcess> StartAsync(params string[] arguments)
    {
        _ = Swept.Value;
        for (var attempt = 0; ; attempt++)
        {
            var folder = Directory.CreateTempSubdirectory($"{FolderPrefix}{Environment.ProcessId}-");
            var port = FreePort();
            var process = Launch(folder, port, arguments);
            var server = new RedisServerProcess(folder, port, arguments, process);
            if (await server.BecameReadyAsync())
                return server;

            var output = server._process.HasExited ? await server._process.StandardOutput.ReadToEndAsync(CancellationToken.None) : "it did not answer in time";
            await server.DisposeAsync();
            if (attempt == 3)
                throw new InvalidOperationException($"redis-server did not start: {output}");
        }
    }

    /// <summary>kill -9: nothing is said to anybody.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Starts again on the same port after <see cref="Kill"/>; the data is gone.</summary>
    public async Task RestartAsync()
    {
        _process.Dispose();
        _process = Launch(_folder, Port, _arguments);
        if (!await BecameReadyAsync())
            throw new InvalidOperationException("redis-server did not come back.");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>A port that nobody listens on, with room above it for a cluster bus; below the ephemeral range.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // taken; try another
            }
        }
    }

    /// <summary>Ends servers of test runs that were killed before they could; each folder names the process that owned it. Answers how many.</summary>
    private static int SweepLeftovers()
    {
        var swept = 0;
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            var owner = Path.GetFileName(folder)[FolderPrefix.Length..].Split('-')[0];
            if (Directory.Exists("/proc/" + owner) || !Directory.Exists("/proc/self"))
                continue;
            try
            {
                // The process is only ours if it still works in that very folder: numbers are reused.
                var pid = File.ReadAllText(Path.Combine(folder, PidFile)).Trim();
                if (new DirectoryInfo($"/proc/{pid}/cwd").LinkTarget == folder)
                    Process.GetProcessById(int.Parse(pid, CultureInfo.InvariantCulture)).Kill();
            }
            catch (Exception gone) when (gone is IOException or ArgumentException or InvalidOperationException)
            {
                // no server there any more
            }

            swept++;
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException)
            {
                // another run sweeps it at this moment
            }
        }

        return swept;
    }

    private static Process Launch(DirectoryInfo folder, int port, string[] arguments)
    {
        var start = new ProcessStartInfo("redis-server") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.FullName };
        string[] settings =
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--unixsocket", Path.Combine(folder.FullName, "redis.sock"),
            "--dir", folder.FullName, "--pidfile", Path.Combine(folder.FullName, PidFile), "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "redis.log", "--enable-debug-command", "yes",
            .. arguments,
        ];
        foreach (var setting in settings)
            start.ArgumentList.Add(setting);
        return Process.Start(start)!;
    }

    private async Task<bool> BecameReadyAsync()
    {
        var started = Stopwatch.GetTimestamp();
        while (!_process.HasExited && Stopwatch.GetElapsedTime(started) < StartLimit)
        {
            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await probe.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), CancellationToken.None);
                await probe.SendAsync("PING\r\n"u8.ToArray(), SocketFlags.None, CancellationToken.None);
                var answer = new byte[64];
                if (await probe.ReceiveAsync(answer, SocketFlags.None, CancellationToken.None) > 0)
                    return true;
            }
            catch (SocketException)
            {
                await Task.Yield();
            }
        }

        return false;
    }
}
