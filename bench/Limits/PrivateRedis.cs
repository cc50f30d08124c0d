using System.Diagnostics;
using System.Net.Sockets;

namespace SkyRiff.Bench.Limits;

/// <summary>A redis-server without persistence on a Unix socket in a temporary folder, for as long as it is not disposed.</summary>
internal sealed class PrivateRedis : IAsyncDisposable
{
    private static readonly TimeSpan StartDurationMax = TimeSpan.FromSeconds(10);

    private readonly DirectoryInfo _folder;
    private readonly Process _process;

    private PrivateRedis(DirectoryInfo folder, Process process) => (_folder, _process) = (folder, process);

    public string SocketPath => Path.Combine(_folder.FullName, "redis.sock");

    public static async Task<PrivateRedis> StartAsync(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("skyriff-bench-");
        string[] arguments = ["--port", "0", "--unixsocket", Path.Combine(folder.FullName, "redis.sock"), "--dir", folder.FullName, "--save", "", "--appendonly", "no", "--logfile", "redis.log"];
        var process = Process.Start(new ProcessStartInfo("redis-server", arguments) { UseShellExecute = false, WorkingDirectory = folder.FullName })
            ?? throw new InvalidOperationException("redis-server did not start.");
        var server = new PrivateRedis(folder, process);
        var started = Stopwatch.GetTimestamp();
        while (!await server.AnswersAsync(cancellationToken))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(started) > StartDurationMax) throw new InvalidOperationException("redis-server did not start.");
            await Task.Delay(10, cancellationToken);
        }
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
