using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace SkyRiff.App.Engines;

/// <summary>The private Redis: a Unix socket only, run by the same account as the database.</summary>
/// <remarks>
/// It keeps what can be lost but not cheaply: feeds and leaderboards are rebuilt from the shards by a command, limits and leases
/// expire. So every write goes to the append-only file, flushed each second: a crash costs at most about a second, a restart costs nothing,
/// and there are no snapshots to fork for. When memory is full it evicts among the keys that have a lifetime (volatile-lru), the least
/// recently used first: that is the cache. Feeds and leaderboards have no lifetime and are never evicted. Leases and limit counters have
/// one, but are touched all the time; losing one is harmless by design (fences, and a limit that starts over).
/// </remarks>
internal sealed class RedisEngine : Engine
{
    private const int MajorMin = 7;
    private const string AppendOnlyFolder = "appendonlydir";

    private readonly LocalEnginesOptions _options;
    private string _program = "";
    private int _major;

    public RedisEngine(EnginePlacement placement, string logFolder, LocalEnginesOptions options, EngineSurroundings around)
        : base("redis", placement.RedisDirectory, placement.Account, Path.Combine(logFolder, "redis.log"), around)
    {
        SocketPath = Path.Combine(placement.SocketDirectory, "redis.sock");
        _options = options;
    }

    public string SocketPath { get; }

    protected override string PidFile => Path.Combine(WorkDirectory, "redis.pid");

    protected override IReadOnlyList<(UnixSignal Signal, TimeSpan Patience)> StopSteps { get; } = [(UnixSignal.Terminate, TimeSpan.FromSeconds(10))];

    protected override async Task InitialiseAsync(CancellationToken cancellationToken)
    {
        _program = EngineTools.FindRedis();
        await Account.MakeDirectoryAsync(WorkDirectory, cancellationToken);
    }

    protected override (string Program, IEnumerable<string> Arguments) Command() => (_program,
    [
        "--port", "0",
        "--unixsocket", SocketPath,
        "--unixsocketperm", "700",
        "--dir", WorkDirectory,
        "--pidfile", PidFile,
        "--daemonize", "no",
        "--save", "",
        "--appendonly", "yes",
        "--appendfsync", "everysec",
        "--appenddirname", AppendOnlyFolder,
        "--auto-aof-rewrite-min-size", "16mb",
        "--maxmemory", $"{_options.RedisMegabytesMax.ToString(CultureInfo.InvariantCulture)}mb",
        "--maxmemory-policy", "volatile-lru",
        "--maxclients", "1000",
        "--timeout", "0",
        "--lazyfree-lazy-expire", "yes",
        "--lazyfree-lazy-user-del", "yes",
        "--shutdown-timeout", "5",
    ]);

    protected override async Task<bool> IsReadyAsync(int processId, CancellationToken cancellationToken)
    {
        if (_major is > 0 and < MajorMin)
            throw new EngineException(EngineFault.ToolMissing, string.Create(CultureInfo.InvariantCulture, $"{_program} is Redis {_major}; SkyRiff needs {MajorMin} or newer."));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
            await socket.SendAsync("PING\r\n"u8.ToArray(), cancellationToken);
            var reply = new byte[16];
            var length = await socket.ReceiveAsync(reply, cancellationToken);
            return Encoding.ASCII.GetString(reply, 0, length).StartsWith("+PONG", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false; // not listening yet
        }
    }

    /// <summary>A file damaged in its middle (a torn end is repaired by Redis itself) is kept for a look, and Redis starts empty.</summary>
    protected override bool TrySetAsideDamage()
    {
        var damaged = Path.Combine(WorkDirectory, AppendOnlyFolder);
        if (!Log.Tail.Contains("Bad file format reading the append only file", StringComparison.Ordinal) || !Directory.Exists(damaged)) return false;
        var aside = damaged + ".damaged";
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        Directory.Move(damaged, aside);
        Progress.Report($"redis could not read its file; it starts empty, and the old file is in {aside}. Feeds and leaderboards can be rebuilt.");
        return true;
    }

    protected override void Read(string logLine)
    {
        const string marker = "Redis version=";
        var at = logLine.IndexOf(marker, StringComparison.Ordinal);
        if (at >= 0 && int.TryParse(logLine.AsSpan(at + marker.Length).ToString().Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)) _major = major;
        if (logLine.Contains("Reading RDB base file", StringComparison.Ordinal)) IsRecovering = true;
    }
}
